using System.Collections.Immutable;
using Containers.Native.Seccomp;
using Containers.Security.Seccomp;
using CsCheck;
using Xunit;

namespace Containers.Tests.Seccomp;

/// <summary>Profiles as documents.</summary>
public sealed class ProfileJsonTests
{
    [Theory]
    [InlineData("{", "line 1")]
    [InlineData("{\n \"defaultAction\": 7 }", "line 2, $.defaultAction")]
    [InlineData("{}", "$.defaultAction: it is missing")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_MAYBE" }""", "$.defaultAction: \"SCMP_ACT_MAYBE\" is no action")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ { "action": "SCMP_ACT_ALLOW" } ] }""", "$.syscalls[0].names: it is missing")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ { "names": ["read"], "action": "ALLOW" } ] }""", "$.syscalls[0].action: \"ALLOW\" is no action")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ { "names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [ { "index": 6, "value": 1, "op": "SCMP_CMP_EQ" } ] } ] }""", "$.syscalls[0].args[0].index")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ { "names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [ { "index": 0, "value": 1, "op": "==" } ] } ] }""", "$.syscalls[0].args[0].op: \"==\" is no comparison")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ { "names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_FLY"] } } ] }""", "$.syscalls[0].includes.caps[0]: \"CAP_FLY\" is no capability")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ { "names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "new" } } ] }""", "$.syscalls[0].includes.minKernel: \"new\" is no version")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000 }""", "5000")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ null ] }""", "$.syscalls[0]: it is null")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ { "names": [null], "action": "SCMP_ACT_ALLOW" } ] }""", "$.syscalls[0].names[0]: it is null")]
    [InlineData("{\n\n\"defaultAction\": \"SCMP_ACT_ERRNO\",\n \"syscalls\": [ { \"names\": \"read\" } ] }", "line 4, $.syscalls[0].names")]
    public void Malformed_profile_is_told_with_its_place(string json, string where)
        => Assert.Contains(where, Assert.Throws<ContainerException>(() => SeccompProfile.FromJson(json)).Message);

    [Fact]
    public void File_that_is_not_there_is_told_by_its_name()
        => Assert.Contains("/no/such/profile.json", Assert.Throws<ContainerException>(() => SeccompProfile.FromFile("/no/such/profile.json")).Message);

    [Fact]
    public void Profile_written_and_read_again_decides_the_same()
    {
        SeccompProfile profile = SeccompProfile.DenyAll(Errno.ENOSYS).Allow("read", "write").Allow("clone", SeccompCondition.Argument(0).Masked(0x7E020000, 0))
            .Allow("prctl", SeccompCondition.Argument(0).AtLeast(3), SeccompCondition.Argument(1).IsNot(9)).With(SeccompAction.Trace(9), "ptrace").With(SeccompAction.KillProcess, "reboot");

        Assert.Equal(profile.Compile([]), SeccompProfile.FromJson(profile.ToJson()).Compile([]));
    }

    [Fact]
    public void Rules_for_capabilities_come_and_go_with_them()
    {
        SeccompProfile again = SeccompProfile.FromJson(SeccompProfile.Default.ToJson());
        Assert.True(SystemCallTable.Current.TryGetNumber("open_by_handle_at", out int number));
        seccomp_data call = new() { nr = number, arch = SystemCallTable.Current.AuditArch };

        Assert.Equal(SeccompReturn.ERRNO | 1, BpfMachine.Run(again.Compile(DefaultPolicy.Capabilities), call));
        Assert.Equal(SeccompReturn.ALLOW, BpfMachine.Run(again.Compile(DefaultPolicy.Capabilities.Add(Capability.DacReadSearch)), call));
    }

    [Fact]
    public void Conditions_of_a_document_all_hold_unless_they_are_about_one_argument()
    {
        SeccompProfile profile = SeccompProfile.FromJson("""
            { "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
              { "names": ["prctl"], "action": "SCMP_ACT_ALLOW", "args": [ { "index": 0, "value": 4, "op": "SCMP_CMP_EQ" }, { "index": 1, "value": 1, "op": "SCMP_CMP_EQ" } ] },
              { "names": ["fcntl"], "action": "SCMP_ACT_ALLOW", "args": [ { "index": 1, "value": 1, "op": "SCMP_CMP_EQ" }, { "index": 1, "value": 3, "op": "SCMP_CMP_EQ" } ] } ] }
            """);

        Assert.Equal([true, false, false], new[] { Allows(profile, "prctl", 4, 1), Allows(profile, "prctl", 4, 2), Allows(profile, "prctl", 3, 1) });
        Assert.Equal([true, true, false], new[] { Allows(profile, "fcntl", 0, 1), Allows(profile, "fcntl", 0, 3), Allows(profile, "fcntl", 0, 2) }); // as runc reads it
    }

    [Fact]
    public void Any_order_of_rules_is_kept_by_a_document_that_has_none()
    {
        Gen<ulong> value = Gen.OneOf(Gen.ULong[0, 9], Of(0xffffffff, 1UL << 32, ulong.MaxValue));
        Gen<SeccompCondition> condition = Gen.Select(Gen.Int[0, 1], Gen.Enum<ArgumentTest>(), value, Of(0xfUL, 0xffffffffUL, 6UL))
            .Select((index, test, number, mask) => test == ArgumentTest.MaskedEqual ? new SeccompCondition(index, test, number & mask, mask) : new SeccompCondition(index, test, number));
        Gen<SeccompRule> rule = Gen.Select(Of(SeccompAction.Allow, SeccompAction.Fail(Errno.EACCES), SeccompAction.KillProcess), condition.List[0, 2], Gen.Int[0, 3])
            .Select((action, conditions, capability) => new SeccompRule(["prctl"], action, [.. conditions])
            {
                With = capability == 1 ? [Capability.SysAdmin] : [],
                Without = capability == 2 ? [Capability.SysAdmin] : [],
            });
        ulong[] samples = [0, 1, 2, 3, 5, 6, 8, 9, 10, 0xfffffffe, 0xffffffff, 1UL << 32, (1UL << 32) + 3, ulong.MaxValue - 1, ulong.MaxValue];

        rule.List[1, 3].Sample(rules =>
        {
            SeccompProfile profile = rules.Aggregate(SeccompProfile.DenyAll(), (all, one) => all.Add(one));
            string json;
            try
            {
                json = profile.ToJson();
            }
            catch (ContainerException e) when (e.Message.Contains("more than", StringComparison.Ordinal))
            {
                return; // said, and not written wrongly
            }

            SeccompProfile again = SeccompProfile.FromJson(json);
            foreach (ImmutableHashSet<Capability> capabilities in (ImmutableHashSet<Capability>[])[[], [Capability.SysAdmin]])
            {
                foreach (ulong a in samples)
                {
                    Assert.All(samples, b => Assert.Equal(Decide(profile, capabilities, a, b), Decide(again, capabilities, a, b)));
                }
            }
        }, iter: 100, threads: 1);
    }

    private static Gen<T> Of<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static bool Allows(SeccompProfile profile, string name, ulong first, ulong second)
    {
        Assert.True(SystemCallTable.Current.TryGetNumber(name, out int number));
        return BpfMachine.Run(profile.Compile([]), Call(number, first, second)) == SeccompReturn.ALLOW;
    }

    private static uint Decide(SeccompProfile profile, ImmutableHashSet<Capability> capabilities, ulong first, ulong second)
    {
        Assert.True(SystemCallTable.Current.TryGetNumber("prctl", out int number));
        return BpfMachine.Run(profile.Compile(capabilities), Call(number, first, second));
    }

    private static unsafe seccomp_data Call(int number, ulong first, ulong second)
    {
        seccomp_data data = new() { nr = number, arch = SystemCallTable.Current.AuditArch };
        (data.args[0], data.args[1]) = (first, second);
        return data;
    }
}
