using System.Diagnostics;
using Containers.Tests.Images;
using Xunit;

namespace Containers.Tests.UserNamespaces;

/// <summary>
/// Host processes of an ordinary user with a home of its own. As root, it is a user that the machine does not have, with
/// /etc/passwd, /etc/subuid and /etc/subgid that only it sees; run by an ordinary user, it is that user.
/// </summary>
public sealed class UserHost : IDisposable
{
    public const int Id = 1500, FirstSubId = 700000, SubIds = 65536;

    private static readonly string s_testHost = Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll");

    private readonly HostState _host = new();
    private readonly TestDirectory _directory = new();

    public UserHost()
    {
        Requires.Root();
        Requires.Tools("busybox", "setpriv", "unshare");
        Requires.That(File.Exists("/etc/subuid") && File.Exists("/etc/subgid"), "this test needs the files /etc/subuid and /etc/subgid");
        Tool.Bash($"""
            mkdir -p {Root}/bin {Root}/etc {Root}/proc {Root}/sys {Root}/dev {Root}/tmp {Root}/root {Root}/var {Home} {_directory["etc"]}
            cp "$(command -v busybox)" {Root}/bin/busybox
            chroot {Root} /bin/busybox --install -s /bin
            printf 'root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n' > {Root}/etc/passwd
            printf 'root:x:0:\nworker:x:1000:\nextra:x:2000:worker\n' > {Root}/etc/group
            echo original > {Root}/etc/motd
            chown -hR {Id}:{Id} {Root} {Home}
            (grep -v ':{Id}:' /etc/passwd; echo 'tester:x:{Id}:{Id}::{Home}:/bin/sh') > {_directory["etc"]}/passwd
            echo 'tester:{FirstSubId}:{SubIds}' > {_directory["etc"]}/subids
            : > {_directory["etc"]}/none
            """);
    }

    public string Root => _directory["root"];

    public string Home => _directory["home"];

    public string Store => _directory["home/store"];

    public string this[string name] => _directory[name];

    /// <summary>An image whose files belong to many, in a file that the user may read.</summary>
    public string Image(string name, params string[] layers)
    {
        HandMadeArchive archive = new(_directory, name);
        foreach (string script in layers)
        {
            archive.AddLayer(script);
        }

        return "docker-archive:" + archive.Save();
    }

    /// <summary>A script that makes the busybox root the current directory.</summary>
    public string RootScript => $"cp -a {Root}/. .; chown -hR 0:0 .";

    /// <summary>Runs a container's script in a process of the user, and returns what it writes.</summary>
    public string Sh(string script, string with = "", bool subIds = true, string? root = null)
    {
        (int code, string output, string error) = Run(["run", root ?? Root, Store, "sh", "-c", script], with, subIds);
        Assert.True(code == 0, error + output);
        Assert.EndsWith("exited with 0\n", output, StringComparison.Ordinal);
        return output[..^"exited with 0\n".Length];
    }

    /// <summary>How a container fails to start.</summary>
    public string Failure(string with, bool subIds = true, string? root = null, string fuseMode = "666")
    {
        (int code, _, string error) = Run(["run", root ?? Root, Store, "true"], with, subIds, fuseMode);
        Assert.NotEqual(0, code);
        return error;
    }

    /// <param name="fuseMode">The mode of /dev/fuse: udev gives it 666.</param>
    public (int Code, string Output, string Error) Run(string[] arguments, string with = "", bool subIds = true, string fuseMode = "666")
        => Tool.Try("unshare", Arguments(arguments, with, subIds, fuseMode));

    public Process Start(string[] arguments, string with = "", bool subIds = true)
        => Process.Start(new ProcessStartInfo("unshare", Arguments(arguments, with, subIds)) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    /// <summary>What containers have on disk just now, but for the hosts' own.</summary>
    public IEnumerable<string> Leftovers()
        => Directory.Exists(Store + "/running") ? Directory.EnumerateDirectories(Store + "/running").SelectMany(Directory.EnumerateDirectories) : [];

    public void Dispose()
    {
        string[] left = [.. Leftovers()];
        _directory.Dispose();
        Assert.Empty(left);
        _host.Dispose();
    }

    // exec all the way, so that the process that is started is the host itself.
    private string[] Arguments(string[] arguments, string with, bool subIds, string fuseMode = "666") =>
    [
        "--mount", "sh", "-ec",
        $"""
        mount --make-rprivate /
        mount --bind {_directory["etc"]}/passwd /etc/passwd
        mount --bind {_directory["etc"]}/{(subIds ? "subids" : "none")} /etc/subuid
        mount --bind {_directory["etc"]}/{(subIds ? "subids" : "none")} /etc/subgid
        if [ -e /dev/net/tun ]; then mount -t tmpfs tmpfs /dev/net; mknod -m 666 /dev/net/tun c 10 200; fi # as udev leaves it
        if [ -e /dev/fuse ]; then mount -t tmpfs tmpfs /mnt; mknod -m {fuseMode} /mnt/fuse c 10 229; mount --bind /mnt/fuse /dev/fuse; umount -l /mnt; fi
        exec setpriv --reuid {Id} --regid {Id} --clear-groups env HOME={Home} DOTNET_CLI_HOME={Home} TEST_WITH='{with}' dotnet {s_testHost} "$@"
        """,
        "sh", .. arguments,
    ];
}
