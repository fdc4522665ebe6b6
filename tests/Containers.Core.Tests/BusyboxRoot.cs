using Xunit;

namespace Containers.Tests;

/// <summary>
/// A root directory with the static busybox in it, and a store, for the tests of a class; the host is checked after them. All of
/// it belongs to whoever runs the tests: where that is an ordinary user, containers get a user namespace by themselves, and what
/// only root can do is left to tests that say so.
/// </summary>
public sealed class BusyboxRoot : IDisposable
{
    private static readonly Lazy<bool> s_overlays = new(() => Environment.UserName == "root" || HostCapabilities.Probe().Has(HostFeature.OverlayInUserNamespace));

    private readonly HostState _host = new();
    private readonly TestDirectory _directory = new();

    public BusyboxRoot()
    {
        Requires.Tools("busybox");
        Tool.Bash($"""
            mkdir -p {Path}/bin {Path}/etc {Path}/proc {Path}/sys {Path}/dev {Path}/tmp {Path}/root {Path}/var
            cp "$(command -v busybox)" {Path}/bin/busybox
            echo 'root:x:0:0:root:/root:/bin/sh' > {Path}/etc/passwd
            echo 'worker:x:1000:1000::/home/worker:/bin/sh' >> {Path}/etc/passwd
            printf 'root:x:0:\nworker:x:1000:\nextra:x:2000:worker\n' > {Path}/etc/group
            echo original > {Path}/etc/motd
            """);
        foreach (string applet in Tool.Run("busybox", "--list").Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(applet => applet != "busybox"))
        {
            File.CreateSymbolicLink($"{Path}/bin/{applet}", "/bin/busybox"); // busybox --install would need a chroot, which is root's; ln would need minutes where machines are emulated
        }
    }

    public string Path => _directory["root"];

    public string Store => _directory["store"];

    /// <summary>A directory beside the root, for what tests bind or make.</summary>
    public string this[string name] => _directory[name];

    /// <summary>Whether roots are overlays: before Linux 5.11 an ordinary user mounts none.</summary>
    public static bool Overlays => s_overlays.Value;

    /// <summary>A container of this root.</summary>
    public ContainerBuilder Container => From(Path);

    /// <summary>A container of another root.</summary>
    public ContainerBuilder From(string directory)
    {
        ContainerBuilder container = Containers.Container.FromRootfs(directory).WithStore(Store);
        return Overlays ? container : container.WithCopiedRoot();
    }

    /// <summary>Runs a shell script in a container and returns its output.</summary>
    public async Task<string> Sh(string script, Func<ContainerBuilder, ContainerBuilder>? with = null)
    {
        ContainerResult result = await (with ?? (builder => builder))(Container).WithCommand("sh", "-c", script).RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(result.Exit.IsSuccess, $"{result.Exit}: {result.Error}{result.Output}");
        return result.Output;
    }

    /// <summary>What containers have on disk just now: one line a directory, but for the hosts' own.</summary>
    public IEnumerable<string> Leftovers()
        => Directory.Exists(Store + "/running") ? Directory.EnumerateDirectories(Store + "/running").SelectMany(Directory.EnumerateDirectories) : [];

    public void Dispose()
    {
        Network.ReleaseUnused();
        IEnumerable<string> leftovers = [.. Leftovers()];
        _directory.Dispose();
        Assert.Empty(leftovers);
        _host.Dispose();
    }
}
