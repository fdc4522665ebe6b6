using Xunit;

namespace Containers.Tests.Credentials;

/// <summary>Labels of SELinux, where the kernel has it: booted with <c>selinux=1 security=selinux</c>. The policy is this test's own.</summary>
[Trait("vm", "root")]
public sealed class SeLinuxTests : ConfinementTests, IClassFixture<SeLinuxTests.LoadedPolicy>
{
    public SeLinuxTests(LoadedPolicy loaded)
    {
        Requires.Root();
        Assert.SkipUnless(File.ReadLines("/proc/filesystems").Any(line => line.EndsWith("selinuxfs", StringComparison.Ordinal)), "this test needs a kernel that was started with SELinux (selinux=1 security=selinux)");
        Requires.Tools("checkpolicy");
        Root = loaded.Load();
    }

    // The kernel ends what it tells with a null character.
    protected override string Script => "tr -d '\\0' < /proc/self/attr/current; echo; ifconfig lo > /dev/null 2>&1 && echo socket || echo denied";

    protected override string Free => "box:box_r:host_t\nsocket\n";

    protected override string Confined => LoadedPolicy.Label + "\ndenied\n";

    protected override BusyboxRoot Root { get; }

    protected override string Word => "selinux=" + LoadedPolicy.Label;

    protected override ContainerBuilder Confine(ContainerBuilder container) => container.WithSelinuxLabel(LoadedPolicy.Label);

    [Fact]
    public void Label_that_the_policy_does_not_have_is_an_error()
    {
        LaunchException error = Assert.Throws<LaunchException>(() => Root.Container.WithSelinuxLabel("box:box_r:nobody_t").WithCommand("true").Start());
        Assert.Contains("box:box_r:nobody_t", error.Message, StringComparison.Ordinal);
        Assert.Equal(Errno.EINVAL, error.Errno);
        Assert.True(HostCapabilities.Probe().Has(HostFeature.SeLinux));
    }

    /// <summary>A policy in which the confined may do all but make sockets of UDP, in force while the tests run. What it does not name is allowed.</summary>
    public sealed class LoadedPolicy : IDisposable
    {
        internal const string Label = "box:box_r:box_t";

        // The kernel's initial contexts, in its order (initial_sid_to_string.h).
        private const string Contexts = """
            kernel security unlabeled fs file file_labels init any_socket port netif netmsg node igmp_packet icmp_socket tcp_socket
            sysctl_modprobe sysctl sysctl_fs sysctl_kernel sysctl_net sysctl_net_unix sysctl_vm sysctl_dev kmod policy scmp_packet devnull
            """;

        private BusyboxRoot? _root;

        public BusyboxRoot Load()
        {
            if (_root is null)
            {
                using TestDirectory policy = new();
                File.WriteAllText(policy["policy.conf"], Text());
                Tool.Bash($"""
                    mountpoint -q /sys/fs/selinux || mount -t selinuxfs selinuxfs /sys/fs/selinux
                    checkpolicy -U allow -c 31 -o {policy["policy"]} {policy["policy.conf"]} > /dev/null
                    cat {policy["policy"]} > /sys/fs/selinux/load
                    echo 1 > /sys/fs/selinux/enforce
                    """);
                _root = new BusyboxRoot(); // after that, since it looks at the host's mounts, which show now that they have labels
            }

            return _root;
        }

        public void Dispose()
        {
            if (_root is not null)
            {
                File.WriteAllText("/sys/fs/selinux/enforce", "0"); // a policy stays until another one is loaded
                _root.Dispose();
            }
        }

        private static string Text()
        {
            string[] contexts = Contexts.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            return $$"""
                class security
                class process
                class process2
                class udp_socket
                {{string.Join('\n', contexts.Select(name => "sid " + name))}}
                class security { load_policy setenforce }
                class process { transition dyntransition setexec }
                class process2 { nnp_transition nosuid_transition }
                class udp_socket { create }
                policycap nnp_nosuid_transition;
                type host_t;
                type box_t;
                type file_t;
                allow host_t host_t:security { load_policy setenforce };
                allow host_t { host_t box_t }:process { transition dyntransition setexec };
                allow host_t { host_t box_t }:process2 { nnp_transition nosuid_transition };
                allow host_t host_t:udp_socket { create };
                allow box_t box_t:process { transition };
                role box_r;
                role box_r types { host_t box_t };
                role object_r;
                user box roles { box_r };
                {{string.Join('\n', contexts.Select(name => $"sid {name} box:{(name is "kernel" or "security" or "init" ? "box_r:host_t" : "object_r:file_t")}"))}}
                fs_use_trans tmpfs box:object_r:file_t;
                genfscon proc / box:object_r:file_t
                genfscon sysfs / box:object_r:file_t
                genfscon cgroup2 / box:object_r:file_t

                """;
        }
    }
}
