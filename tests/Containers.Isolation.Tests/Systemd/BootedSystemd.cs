using System.Diagnostics;
using System.Globalization;
using Containers.Native;
using Containers.Resources;
using Xunit;

namespace Containers.Tests.Systemd;

/// <summary>
/// A host with systemd: Debian's own, booted as process 1 of namespaces and of a part of the cgroup tree, with the user manager of an
/// ordinary user. It has the machine's files.
/// </summary>
public sealed class BootedSystemd : IDisposable
{
    public const int User = 1500;

    private static readonly string s_testHost = Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll");

    // Where libpam-systemd has the rules for user managers.
    private static readonly string[] s_pam = ["/etc/pam.d/systemd-user", "/usr/lib/pam.d/systemd-user"];

    private readonly HostState _host = new();
    private readonly TestDirectory _directory = new();
    private readonly string _cgroup = string.Create(CultureInfo.InvariantCulture, $"{CgroupHost.Current.Unified?.Mount}/containers-systemd-{Environment.ProcessId}");
    private Process? _boot;

    /// <summary>Whether the tests can be; a fixture's constructor cannot skip them.</summary>
    public static void Need()
    {
        Requires.Root();
        Assert.SkipUnless(CgroupHost.Current.Mode == CgroupMode.V2, "this test needs a host with cgroup v2 alone");
        Requires.Tools("systemctl", "systemd-run", "dbus-daemon", "busybox", "unshare", "nsenter", "mkfifo");
        Requires.That(File.Exists("/lib/systemd/systemd") && s_pam.Any(File.Exists), "this test needs the packages systemd and libpam-systemd");
    }

    private Process Boot()
    {
        Tool.Bash($"""
            mkdir -p {Root}/bin {Root}/etc {Root}/proc {Root}/sys {Root}/dev {Root}/tmp {Home} {_directory["units"]} {_cgroup}
            cp "$(command -v busybox)" {Root}/bin/busybox
            for applet in sh cat tail true; do ln -s busybox {Root}/bin/$applet; done
            chown -hR {User}:{User} {Root} {Home}
            for file in passwd group shadow; do grep -v -e ':{User}:' -e '^tester:' /etc/$file > {_directory.Path}/$file; done
            echo 'tester:x:{User}:{User}::{Home}:/bin/sh' >> {_directory["passwd"]}
            echo 'tester:x:{User}:' >> {_directory["group"]}
            echo 'tester:*:19000:0:99999:7:::' >> {_directory["shadow"]}
            mkfifo {_directory["booted"]}
            printf '[Unit]\nWants=dbus.service\nAfter=dbus.service\n[Service]\nType=oneshot\nExecStart=systemctl start user@{User}.service\nExecStart=/bin/sh -c "echo booted > {_directory["booted"]}"\n' > {_directory["units"]}/booted.service
            """);
        ProcessStartInfo start = new("bash", ["-euc",
            $"""
            exec unshare --mount --pid --uts --ipc --fork --kill-child --mount-proc bash -euc '
                echo 0 > {_cgroup}/cgroup.procs # alone: a cgroup with controllers for its children has no processes
                for file in passwd group shadow; do mount --bind {_directory.Path}/$file /etc/$file; done
                mount -t tmpfs -o mode=755 tmpfs /run
                mkdir -p /run/systemd/system
                cp {_directory["units"]}/* /run/systemd/system/
                exec unshare --cgroup sh -euc "
                    umount /sys/fs/cgroup
                    mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
                    exec env -i PATH=\"$PATH\" container=unshare /lib/systemd/systemd --system --unit=booted.service --show-status=no --log-target=null"'
            """]);
        _boot = Process.Start(start)!;
        Assert.Equal("booted\n", Tool.Run("timeout", "120", "cat", _directory["booted"]));
        return _boot;
    }

    public string Root => _directory["root"];

    public string Home => _directory["home"];

    /// <summary>Runs a program there, in a service or a scope that systemd-run makes; the words before the program are its options.</summary>
    public string Run(params string[] arguments)
    {
        int boot = (_boot ?? Boot()).Id;
        string systemd = File.ReadAllText($"/proc/{boot}/task/{boot}/children").Trim();
        // From within its part of the tree: with nsdelegate, nobody is moved across its border.
        return Tool.Run("timeout", ["100", "sh", "-c", $"echo 0 > {_cgroup}/init.scope/cgroup.procs; exec nsenter -t {systemd} --all systemd-run --quiet \"$@\"", "sh", .. arguments]);
    }

    /// <summary>The words for a host process that runs a container, after those that say who and where.</summary>
    public string[] Host(string mode, string store, params string[] command)
        => ["env", "HOME=" + Home, "DOTNET_CLI_HOME=" + Home, $"PATH={Environment.GetEnvironmentVariable("PATH")}", .. DotnetRoot, "dotnet", s_testHost, mode, Root, Path.Combine(Home, store), .. command];

    public void Dispose()
    {
        _boot?.Kill();
        _boot?.WaitForExit();
        _boot?.Dispose();
        using (CgroupHandle? cgroup = CgroupHandle.TryOpen(_cgroup))
        {
            if (cgroup is not null)
            {
                CgroupProcesses.Kill(cgroup);
                Assert.Null(CgroupProcesses.TryRemove(cgroup, TimeSpan.FromSeconds(20)));
            }
        }

        _directory.Dispose();
        _host.Dispose();
    }

    private static string[] DotnetRoot => Environment.GetEnvironmentVariable("DOTNET_ROOT") is { } root ? ["DOTNET_ROOT=" + root] : [];
}
