using Containers.Native.Seccomp;
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
}
