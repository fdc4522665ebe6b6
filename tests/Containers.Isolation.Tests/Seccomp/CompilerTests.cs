using System.Collections.Immutable;
using Containers.Native.Seccomp;
using CsCheck;
using Xunit;

namespace Containers.Tests.Seccomp;

/// <summary>Our filters decide as those of libseccomp do for the same profile.</summary>
public sealed class CompilerTests(Libseccomp libseccomp) : IClassFixture<Libseccomp>
{
    private const uint I386 = 0x40000003, X32 = 0x40000000;

    // Calls in which the default profile takes away from what it allows: to libseccomp the rule without conditions goes first.
    private static readonly string[] s_narrowed = ["ioctl", "socket"];

    private static readonly ulong[] s_values =
        [0, 1, 2, 8, 12, 16, 38, 40, 0x5412, 0x541C, 0x20000, 0x20008, 0x10000000, 0x7E020000, 0x7fffffff, 0x80000000, 0xffffffff, 0x1_0000_0000, 0x1_0000_5412, 0x8_0000_0000, ulong.MaxValue - 1, ulong.MaxValue];

    [Fact]
    public void Numbers_of_calls_are_those_of_libseccomp()
    {
        Dictionary<string, int> theirs = libseccomp.Numbers(SystemCallTable.X64.Names);
        string[] known = [.. theirs.Where(call => call.Value >= 0).Select(call => call.Key)];

        Assert.True(known.Length > 340, $"libseccomp knows {known.Length}");
        Assert.All(known, name => Assert.True(SystemCallTable.X64.TryGetNumber(name, out int number) && number == theirs[name], name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("SysAdmin NetAdmin SysPtrace SysTime SysNice")]
    public void Default_profile_decides_as_libseccomp_does(string more)
    {
        ImmutableHashSet<Capability> capabilities = DefaultPolicy.Capabilities.Union(more.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Enum.Parse<Capability>));
        SeccompFilter filter = SeccompProfile.Default.Resolve(capabilities, SystemCallTable.X64);
        filter = filter with { Rules = filter.Rules.Where(pair => !s_narrowed.Contains(SystemCallTable.X64.NameOf(pair.Key))).ToDictionary() };

        AssertSame(filter);
    }

    [Theory]
    [InlineData("")]
    [InlineData("SysAdmin NetAdmin SysPtrace SysTime SysNice")]
    public void Default_profile_as_a_document_decides_in_libseccomp_as_it_does_here(string more)
    {
        ImmutableHashSet<Capability> capabilities = DefaultPolicy.Capabilities.Union(more.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Enum.Parse<Capability>));
        SeccompProfile document = SeccompProfile.FromJson(SeccompProfile.Default.ToJson());

        AssertSame(document.Resolve(capabilities, SystemCallTable.X64)); // ioctl and socket, too: a document has no order
        ulong[][] arguments = [.. from a in s_values from b in s_values from c in (ulong[])[0, 12, 0x1_0000_000C] select (ulong[])[a, b, c]];
        foreach (string name in (string[])["ioctl", "socket", "clone", "clone3", "personality", "read", "bpf", "setns"])
        {
            Assert.All(arguments, one => Assert.Equal(Decide(SeccompProfile.Default, capabilities, name, one), Decide(document, capabilities, name, one)));
        }
    }

    [Fact]
    public void Default_profile_allows_nothing_that_podman_does_not()
    {
        const string Podman = "/usr/share/containers/seccomp.json";
        Requires.That(File.Exists(Podman), "this test needs podman's profile (golang-github-containers-common)");
        // Newer than the list of 2022, or read and set what files and their attributes have, as older calls do.
        string[] newer = ["cachestat", "fchmodat2", "futex_waitv", "io_pgetevents", "file_getattr", "file_setattr", "futex_requeue", "futex_wait", "futex_wake", "getxattrat", "listxattrat", "map_shadow_stack", "mseal", "removexattrat", "setxattrat", "uretprobe"];
        SeccompProfile podman = SeccompProfile.FromFile(Podman);
        foreach (ImmutableHashSet<Capability> capabilities in (ImmutableHashSet<Capability>[])[DefaultPolicy.Capabilities, DefaultPolicy.Capabilities.Add(Capability.SysPtrace), []])
        {
            string[] more = [.. SystemCallTable.Current.Names.Where(name => Decide(SeccompProfile.Default, capabilities, name) == SeccompReturn.ALLOW && Decide(podman, capabilities, name) != SeccompReturn.ALLOW)];
            Assert.Empty(more.Except(newer));
        }
    }

    [Fact]
    public void Any_profile_decides_as_libseccomp_does()
    {
        Gen<ulong> value = Gen.OneOf(Gen.Int[0, s_values.Length - 1].Select(i => s_values[i]), Gen.ULong);
        Gen<ArgumentCondition> condition = Gen.Select(Gen.Int[0, 5], Gen.Enum<ArgumentTest>(), value, value)
            .Select((index, test, number, mask) => test == ArgumentTest.MaskedEqual ? new ArgumentCondition(index, test, number & mask, mask) : new ArgumentCondition(index, test, number));
        uint[] actions = [SeccompReturn.ALLOW, SeccompReturn.ERRNO | 1, SeccompReturn.ERRNO | 38, SeccompReturn.KILL_PROCESS, SeccompReturn.TRAP, SeccompReturn.LOG, SeccompReturn.TRACE | 7];
        Gen<uint> action = Gen.Int[0, actions.Length - 1].Select(i => actions[i]);
        // One condition on each argument, and one rule with conditions a call: what several mean together, libseccomp decides by
        // an order of its own.
        Gen<IReadOnlyList<FilterRule>> rules = Gen.Select(action, condition.List[0, 3])
            .Select((what, conditions) => (IReadOnlyList<FilterRule>)[new FilterRule(what, [.. conditions.DistinctBy(one => one.Index)])]);

        Gen.Select(action, Gen.Dictionary(Gen.Int[0, 470], rules)[1, 60]).Sample((byDefault, calls) =>
        {
            Dictionary<int, IReadOnlyList<FilterRule>> told = calls.Where(pair => pair.Value[0].Action != byDefault).ToDictionary();
            AssertSame(new SeccompFilter(SystemCallTable.X64.AuditArch, byDefault, byDefault, SystemCallTable.X64.Last, told));
        }, iter: 60, threads: 1);
    }

    [Fact]
    public void Several_rules_of_a_call_allow_what_one_of_them_allows()
    {
        SeccompProfile profile = SeccompProfile.DenyAll().Allow("personality", SeccompCondition.Argument(0).Is(0)).Allow("personality", SeccompCondition.Argument(0).Is(8))
            .Allow("personality", SeccompCondition.Argument(0).Is(0x1_0000_0000)).Allow("prctl", SeccompCondition.Argument(0).AtLeast(10), SeccompCondition.Argument(1).Below(5));

        AssertSame(profile.Resolve([], SystemCallTable.X64) with { Unknown = profile.DefaultAction.Value });
    }

    [Fact]
    public void Profile_of_many_conditions_jumps_further_than_a_byte_can_tell()
    {
        SeccompProfile profile = SeccompProfile.DenyAll();
        for (ulong i = 0; i < 150; i++)
        {
            profile = profile.Allow("fcntl", SeccompCondition.Argument(1).Is(i * 3)).Allow("prctl", SeccompCondition.Argument(0).Is(i * 5));
        }

        SeccompFilter filter = profile.Resolve([], SystemCallTable.X64) with { Unknown = profile.DefaultAction.Value };
        AssertSame(filter, [.. s_values, .. Enumerable.Range(0, 500).Select(i => (ulong)i)]);
    }

    [Fact]
    public void Later_rule_goes_first()
    {
        SeccompProfile profile = SeccompProfile.Default.Deny(Errno.ENOENT, "read").Allow("keyctl").Deny(Errno.EIO, "write", SeccompCondition.Argument(0).Is(2));

        Assert.Equal(SeccompReturn.ERRNO | 2, Decide(profile, "read"));
        Assert.Equal(SeccompReturn.ALLOW, Decide(profile, "keyctl"));
        Assert.Equal(SeccompReturn.ERRNO | 5, Decide(profile, "write", 2));
        Assert.Equal(SeccompReturn.ALLOW, Decide(profile, "write", 1));
        Assert.Equal(SeccompReturn.ALLOW, Decide(SeccompProfile.Default, "read"));
    }

    [Theory]
    [InlineData("ioctl", 1, 0x5412)]
    [InlineData("ioctl", 1, 0x1_0000_5412)]
    [InlineData("ioctl", 1, 0x541C)]
    [InlineData("socket", 0, 40)]
    [InlineData("socket", 0, 0x8_0000_0028)]
    [InlineData("socket", 0, 38)]
    public void Default_profile_refuses_some_uses_of_what_it_allows(string name, int argument, long value)
    {
        ulong[] arguments = new ulong[6];
        Assert.Equal(SeccompReturn.ALLOW, Decide(SeccompProfile.Default, name, arguments));
        arguments[argument] = (ulong)value;
        Assert.Equal(SeccompReturn.ERRNO | 1, Decide(SeccompProfile.Default, name, arguments));
    }

    [Fact]
    public void Default_profile_refuses_sockets_of_nf_tables_without_the_capability_for_them()
    {
        Assert.Equal(SeccompReturn.ERRNO | 1, Decide(SeccompProfile.Default, "socket", 16, 3, 12));
        Assert.Equal(SeccompReturn.ALLOW, Decide(SeccompProfile.Default, "socket", 16, 3, 0));
        Assert.Equal(SeccompReturn.ALLOW, Decide(SeccompProfile.Default, DefaultPolicy.Capabilities.Add(Capability.NetAdmin), "socket", 16, 3, 12));
    }

    [Theory]
    [InlineData("clone3", 38)]
    [InlineData("unshare", 1)]
    [InlineData("setns", 1)]
    [InlineData("mount", 1)]
    [InlineData("bpf", 1)]
    [InlineData("keyctl", 1)]
    [InlineData("add_key", 1)]
    [InlineData("request_key", 1)]
    [InlineData("userfaultfd", 1)]
    [InlineData("perf_event_open", 1)]
    [InlineData("io_uring_setup", 1)]
    [InlineData("open_by_handle_at", 1)]
    [InlineData("kexec_load", 1)]
    [InlineData("init_module", 1)]
    [InlineData("reboot", 1)]
    public void Default_profile_refuses(string name, int errno) => Assert.Equal(SeccompReturn.ERRNO | (uint)errno, Decide(SeccompProfile.Default, name));

    [Fact]
    public void Clone_makes_threads_and_processes_and_no_namespaces()
    {
        const ulong Thread = 0x3d0f00, Process = 0x1200011;
        Assert.Equal(SeccompReturn.ALLOW, Decide(SeccompProfile.Default, "clone", Thread));
        Assert.Equal(SeccompReturn.ALLOW, Decide(SeccompProfile.Default, "clone", Process));
        Assert.All((ulong[])[0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000],
            flag => Assert.Equal(SeccompReturn.ERRNO | 1, Decide(SeccompProfile.Default, "clone", Process | flag)));
        Assert.Equal(SeccompReturn.ALLOW, Decide(SeccompProfile.Default, DefaultPolicy.Capabilities.Add(Capability.SysAdmin), "clone", Process | 0x20000));
    }

    [Fact]
    public void Calls_of_another_architecture_end_the_process_and_those_nobody_knows_yet_are_missing()
    {
        BpfInstruction[] program = SeccompProfile.Default.Compile(DefaultPolicy.Capabilities);

        Assert.Equal(SeccompReturn.KILL_PROCESS, BpfMachine.Run(program, new seccomp_data { nr = 1, arch = I386 }));
        Assert.Equal(SeccompReturn.ERRNO | 38, BpfMachine.Run(program, new seccomp_data { nr = 600, arch = SystemCallTable.Current.AuditArch }));
        Assert.Equal(SeccompReturn.KILL_PROCESS, BpfMachine.Run(program, new seccomp_data { nr = (int)X32 + 1, arch = SystemCallTable.Current.AuditArch }));
        Assert.Equal(SeccompReturn.ERRNO | 1, BpfMachine.Run(program, new seccomp_data { nr = -1, arch = SystemCallTable.Current.AuditArch }));
    }

    [Fact]
    public void Call_that_there_is_not_is_refused_by_name()
        => Assert.Contains("\"opnat\" is no system call", Assert.Throws<ContainerException>(() => SeccompProfile.Default.Allow("open", "opnat")).Message);

    private static uint Decide(SeccompProfile profile, string name, params ulong[] arguments) => Decide(profile, DefaultPolicy.Capabilities, name, arguments);

    private static uint Decide(SeccompProfile profile, ImmutableHashSet<Capability> capabilities, string name, params ulong[] arguments)
    {
        Assert.True(SystemCallTable.Current.TryGetNumber(name, out int number), name);
        return BpfMachine.Run(profile.Compile(capabilities), Call(SystemCallTable.Current.AuditArch, number, arguments));
    }

    private static unsafe seccomp_data Call(uint arch, int number, ReadOnlySpan<ulong> arguments)
    {
        seccomp_data data = new() { nr = number, arch = arch };
        for (int i = 0; i < arguments.Length; i++)
        {
            data.args[i] = arguments[i];
        }

        return data;
    }

    private void AssertSame(SeccompFilter filter, ulong[]? values = null)
    {
        // A library of 2022 knows no number above 450, for which the profile has another answer.
        filter = filter with { Unknown = filter.Default };
        BpfInstruction[] ours = SeccompCompiler.Compile(filter), theirs = libseccomp.Compile(filter);
        ulong[] arguments = new ulong[6];
        int compared = 0;
        foreach (uint arch in (uint[])[filter.AuditArch, I386, SystemCallTable.Arm64.AuditArch])
        {
            foreach (int number in Enumerable.Range(0, 512).Concat([(int)X32, (int)X32 + 1, (int)X32 + 512, int.MaxValue, int.MinValue, -1]))
            {
                if (!filter.Rules.TryGetValue(number, out IReadOnlyList<FilterRule>? rules) || rules.All(rule => rule.Conditions.Count == 0))
                {
                    Array.Clear(arguments);
                    Compare(arch, number);
                    continue;
                }

                ulong[] edges = [.. rules.SelectMany(rule => rule.Conditions).SelectMany(one => (ulong[])[one.Value, one.Value - 1, one.Value + 1, one.Value | ~one.Mask, one.Value ^ (1UL << 32)]).Distinct().Take(60), .. values ?? s_values];
                for (int argument = 0; argument < 6; argument++)
                {
                    foreach (ulong others in (ulong[])[0, ulong.MaxValue, rules[0].Conditions[0].Value])
                    {
                        foreach (ulong value in edges)
                        {
                            Array.Fill(arguments, others);
                            arguments[argument] = value;
                            Compare(arch, number);
                        }
                    }
                }
            }
        }

        Assert.True(compared > 1500);

        void Compare(uint arch, int number)
        {
            compared++;
            seccomp_data data = Call(arch, number, arguments);
            uint our = BpfMachine.Run(ours, data), their = BpfMachine.Run(theirs, data);
            Assert.True(our == their, $"call {number} of 0x{arch:x} with {string.Join(' ', arguments.Select(one => one.ToString("x")))}: ours {our:x}, theirs {their:x}");
        }
    }
}
