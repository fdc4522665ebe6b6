using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Containers.Native;
using Containers.Tests.Resources;
using Containers.Tests.UserNamespaces;
using Xunit;

namespace Containers.Tests.Escape;

/// <summary>Who tries to get out.</summary>
public enum Identity
{
    /// <summary>The first process of a container, as its root, on a host that is root.</summary>
    Root,

    /// <summary>The first process, as another user.</summary>
    User,

    /// <summary>A process that joins, as root.</summary>
    JoinedRoot,

    /// <summary>A process that joins a container of root's, as another user.</summary>
    JoinedUser,

    /// <summary>Root of a user namespace, on a host that is root.</summary>
    MappedRoot,

    /// <summary>Another user of a user namespace.</summary>
    MappedUser,

    /// <summary>A process that joins a user namespace, as its root.</summary>
    JoinedMappedRoot,

    /// <summary>Root of the container of a host that is an ordinary user.</summary>
    OrdinaryHostsRoot,

    /// <summary>Another user of the container of a host that is an ordinary user.</summary>
    OrdinaryHostsUser,

    /// <summary>Root of the container of a host that is an ordinary user, on a root from fuse-overlayfs.</summary>
    OrdinaryHostsRootOnFuse,
}

/// <summary>Runs the probe once for each who tries, with what of the host it is to look for, and keeps what it says.</summary>
public sealed class EscapeRuns : IDisposable
{
    private static readonly IdMap s_map = new(0, 300000, 65536);

    private static readonly Lazy<HostCapabilities> s_probe = new(HostCapabilities.Probe);

    private readonly BusyboxRoot _root = new();
    private readonly ConcurrentDictionary<Identity, Lazy<IReadOnlyDictionary<string, string>>> _runs = new();
    private readonly Lazy<UserHost> _user;
    private readonly string _abstract = $"containers-tests-{Environment.ProcessId}-abstract";
    private readonly Socket _abstractSocket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Socket _pathSocket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly TcpListener _loopback = new(IPAddress.Loopback, 0);
    private readonly string[] _host = LookAtHost();

    public EscapeRuns()
    {
        Requires.Tools("gcc");
        _user = new(MakeUserHost);
        Tool.Bash($"mkdir -m 755 {Host} {Host}/ro; echo original > {Host}/ro/file; chmod 666 {Host}/ro/file");
        AddPrograms(_root.Path, Environment.UserName == "root" ? 0 : null);
        _abstractSocket.Bind(new UnixDomainSocketEndPoint('\0' + _abstract));
        _abstractSocket.Listen();
        _pathSocket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _pathSocket.Listen();
        Tool.Run("chmod", "666", SocketPath);
        _loopback.Start();
    }

    private string Host => _root["host"];

    private string SocketPath => Host + "/docker.sock";

    /// <summary>Whose host is an ordinary user.</summary>
    private static readonly Lazy<bool> s_fuse = new(() => HostCapabilities.Probe().Has(HostFeature.FuseOverlayfs));

    public static IReadOnlyList<Identity> Ordinaries { get; } = [Identity.OrdinaryHostsRoot, Identity.OrdinaryHostsUser, Identity.OrdinaryHostsRootOnFuse];

    /// <summary>What is no longer as it was before: settings of this host, and the file that the probe sees read-only.</summary>
    public IEnumerable<string> Changes => LookAtHost().Append(File.ReadAllText(Host + "/ro/file")).Except([.. _host, "original\n"]);

    /// <summary>Where containers keep their changes.</summary>
    public string Store => _root.Store;

    /// <summary>The probe's command, which names what of this host it is to reach.</summary>
    public string[] Command => ["probe", _abstract, $"{((IPEndPoint)_loopback.LocalEndpoint).Port}", SocketPath, $"{Environment.ProcessId}"];

    /// <summary>A container as the builder makes it unless it is told otherwise, with a directory of the host's bound read-only.</summary>
    public ContainerBuilder Container
    {
        get
        {
            ContainerBuilder container = _root.Container.WithBind(Host + "/ro", "/ro", readOnly: true);
            return CgroupTest.WhyNone() is not null ? container : container.WithPidsLimit(200); // in a cgroup, whose files it sees
        }
    }

    /// <summary>What became of each attempt.</summary>
    public IReadOnlyDictionary<string, string> Of(Identity identity)
        => _runs.GetOrAdd(identity, static (identity, runs) => new(() => Lines(runs.Run(identity))), this).Value;

    public static IReadOnlyDictionary<string, string> Lines(string output)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("end", lines[^1]);
        return lines[..^1].Select(line => line.Split(": ", 2)).ToDictionary(parts => parts[0], parts => parts[1]);
    }

    public void Dispose()
    {
        _abstractSocket.Dispose();
        _pathSocket.Dispose();
        _loopback.Dispose();
        if (_user.IsValueCreated)
        {
            _user.Value.Dispose();
        }

        _root.Dispose();
    }

    /// <summary>Gives a container users of its own; before Linux 5.12, which maps owners, with a copy of the root for them.</summary>
    public static ContainerBuilder Mapped(ContainerBuilder container) => s_probe.Value.Has(HostFeature.IdmappedMounts) ? container.WithUserNs(s_map) : container.WithUserNs(s_map).WithCopiedRoot();

    /// <summary>What an ordinary user's container needs before Linux 5.11, which has overlays in user namespaces: see Containers.TestHost.</summary>
    public static string CopiedWord => s_probe.Value.Has(HostFeature.OverlayInUserNamespace) ? "" : " copied";

    private static string[] LookAtHost()
        => [.. new[] { "core_pattern", "hostname", "domainname", "modprobe", "sysrq", "randomize_va_space" }.Select(name => "/proc/sys/kernel/" + name).Where(File.Exists).Select(path => $"{path}: {File.ReadAllText(path)}")];

    private string Run(Identity identity)
    {
        bool ordinary = Ordinaries.Contains(identity), fuse = identity == Identity.OrdinaryHostsRootOnFuse;
        // Root makes the host of an ordinary user, and its /dev/fuse; one who is an ordinary user has what is there.
        Requires.That(!fuse || (Environment.UserName == "root" ? Requires.Find("fuse-overlayfs") is not null && File.Exists("/dev/fuse") : s_fuse.Value), "this test needs fuse-overlayfs and a /dev/fuse that this user may open");
        Requires.That(ordinary || Environment.UserName == "root", "this test needs root, or is about another host than this one"); // which is an ordinary user, and in no need of another
        return ordinary && Environment.UserName != "root" ? First(fuse ? Container.WithFuseOverlayRoot() : identity == Identity.OrdinaryHostsRoot ? Container : Container.WithUser("worker")) : Output(identity);
    }

    private string Output(Identity identity) => identity switch
    {
        Identity.Root => First(Container),
        Identity.User => First(Container.WithUser("worker")),
        Identity.JoinedRoot => Joined(Container, null),
        Identity.JoinedUser => Joined(Container, "worker"),
        Identity.MappedRoot => First(Mapped(Container)),
        Identity.MappedUser => First(Mapped(Container).WithUser("worker")),
        Identity.JoinedMappedRoot => Joined(Mapped(Container), null),
        Identity.OrdinaryHostsRoot => Ordinary(""),
        Identity.OrdinaryHostsRootOnFuse => Ordinary(" fuse"),
        _ => Ordinary(" user=worker"),
    };

    private string First(ContainerBuilder container)
    {
        ContainerResult result = container.WithCommand(Command).RunAsync().GetAwaiter().GetResult();
        Assert.True(result.Exit.IsSuccess, $"{result.Exit}: {result.Error}{result.Output}");
        return result.Output;
    }

    private string Joined(ContainerBuilder builder, string? user)
    {
        using Container container = builder.WithCommand("sleep", "1000").Start();
        ContainerResult result = container.RunAsync(Command, new ExecOptions { User = user }).GetAwaiter().GetResult();
        Assert.True(result.Exit.IsSuccess, $"{result.Exit}: {result.Error}{result.Output}");
        return result.Output;
    }

    private string Ordinary(string with)
    {
        UserHost user = _user.Value;
        (int code, string output, string error) = user.Run(["run", user.Root, user.Store, .. Command], $"bind={user["home/ro"]}:/ro:ro{CopiedWord}{with}");
        Assert.True(code == 0, error + output);
        Assert.EndsWith("exited with 0\n", output, StringComparison.Ordinal);
        return output[..^"exited with 0\n".Length];
    }

    private UserHost MakeUserHost()
    {
        UserHost user = new();
        string shared = user["home/ro"];
        Tool.Bash($"mkdir -m 755 {shared}; echo original > {shared}/file; chmod 666 {shared}/file; chown -R {UserHost.Id}:{UserHost.Id} {shared}");
        AddPrograms(user.Root, UserHost.Id);
        return user;
    }

    // The probe, and copies of it that would gain something where that is allowed: root's id, or capabilities that a container's root has.
    private static void AddPrograms(string root, int? owner)
    {
        Tool.Run("gcc", "-O1", "-D_GNU_SOURCE", "-static", "-o", root + "/bin/probe", Path.Combine(AppContext.BaseDirectory, "Escape/probe.c"));
        Tool.Bash($"cd {root}/bin; cp probe setuid-probe; cp probe capable-probe; {(owner is null ? "" : $"chown {owner}:{owner} probe setuid-probe capable-probe; ")}chmod 6755 setuid-probe; chmod 1777 {root}/tmp");
        if (owner is null)
        {
            return; // only root gives capabilities to files
        }

        SetCapabilities(root + "/bin/capable-probe", 1u << (int)Capability.Chown | 1u << (int)Capability.NetRaw);
    }

    private static unsafe void SetCapabilities(string path, uint capabilities)
    {
        byte[] data = new byte[20]; // vfs_cap_data: capabilities(7)
        BinaryPrimitives.WriteUInt32LittleEndian(data, 0x02000001); // VFS_CAP_REVISION_2, VFS_CAP_FLAGS_EFFECTIVE
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4), capabilities);
        fixed (byte* file = Encoding.UTF8.GetBytes(path + '\0'), name = "security.capability\0"u8, value = data)
        {
            Kernel.Check(Kernel.lsetxattr(file, name, value, (nuint)data.Length), "set capabilities", path);
        }
    }
}
