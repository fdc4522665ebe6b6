using System.Collections.Immutable;
using Containers.Host;

namespace Containers;

/// <summary>
/// What a container's processes may reach, by Landlock: beneath which paths which accesses, which TCP ports, whose signals and sockets. What no
/// rule allows is refused with EACCES (sockets and signals: EPERM). It comes on top of all else that restricts: it allows nothing. Linux 5.13, landlock(7).
/// </summary>
/// <remarks>
/// <code>
/// .WithLandlock(rules => rules.ReadOnly("/usr", "/bin", "/lib", "/etc").ReadWrite("/tmp").Allow(LandlockAccess.ReadFile | LandlockAccess.WriteFile, "/dev/null"))
/// </code>
/// Paths are the container's, and have to be there when it starts. A dynamic program needs its loader and libraries, and most programs /dev/null. Descriptors that the
/// command is given, its standard streams, are not restricted. Restricted processes cannot mount, nor trace processes that are less restricted; a process that joins the
/// container later has the same rules, and is to the others as they are to it: neither can trace the other, or signal it where signals are scoped.
/// <para>What the kernel's version of Landlock cannot restrict is an error before anything starts, and not left out.</para>
/// </remarks>
public sealed class LandlockRules
{
    private const int MostAccesses = 8; // each takes slots of the child's program

    private LandlockRules()
    {
    }

    internal static LandlockRules None { get; } = new();

    internal LandlockAccess Restricted { get; private init; } = LandlockAccess.All;

    /// <summary>In the order in which they were given.</summary>
    internal ImmutableArray<(string Path, LandlockAccess Access)> Paths { get; private init; } = [];

    /// <summary>Ports that can be bound; null where that is not restricted.</summary>
    internal ImmutableSortedSet<int>? BindPorts { get; private init; }

    internal ImmutableSortedSet<int>? ConnectPorts { get; private init; }

    internal bool AbstractSocketsScoped { get; private init; }

    internal bool SignalsScoped { get; private init; }

    /// <summary>Allows to read, list and execute.</summary>
    /// <param name="paths">Absolute paths inside: a directory with all that is in it, or a file.</param>
    public LandlockRules ReadOnly(params string[] paths) => Allow(LandlockAccess.Read, paths);

    /// <summary>Allows everything that is restricted.</summary>
    /// <param name="paths">Absolute paths inside: a directory with all that is in it, or a file.</param>
    public LandlockRules ReadWrite(params string[] paths) => Allow(LandlockAccess.All, paths);

    /// <summary>Allows some accesses. What several rules say of a path and the directories above it adds up.</summary>
    /// <param name="access">What is allowed. What is for directories only does not count for a file.</param>
    /// <param name="paths">Absolute paths inside.</param>
    public LandlockRules Allow(LandlockAccess access, params string[] paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (access == LandlockAccess.None || (access & ~LandlockAccess.All) != 0)
        {
            throw new ArgumentException($"\"{access}\" is nothing that could be allowed.", nameof(access));
        }

        foreach (string path in paths)
        {
            if (path is not ['/', ..] || path.Contains('\0', StringComparison.Ordinal))
            {
                throw new ArgumentException($"\"{path}\" is a path inside a container and has to begin with '/'.", nameof(paths));
            }
        }

        ImmutableArray<(string Path, LandlockAccess Access)> all = Paths.AddRange(paths.Select(path => (path, access)));
        return all.Select(rule => rule.Access).Distinct().Count() <= MostAccesses
            ? Copy(paths: all)
            : throw new ArgumentException($"Rules can have {MostAccesses} different sets of accesses; this is one more.", nameof(access));
    }

    /// <summary>Decides which accesses are restricted at all: <see cref="LandlockAccess.All"/>, unless told otherwise.</summary>
    /// <param name="access"><see cref="LandlockAccess.Abi1"/> and its like for what an older kernel can; <see cref="LandlockAccess.None"/> to restrict networks or signals only.</param>
    public LandlockRules Restricting(LandlockAccess access)
        => (access & ~LandlockAccess.All) == 0 ? Copy(restricted: access) : throw new ArgumentException($"\"{access}\" is nothing that could be restricted.", nameof(access));

    /// <summary>Lets TCP sockets be bound to these ports, and to no others. ABI 4, Linux 6.7.</summary>
    /// <param name="ports">0 stands for a port that the kernel chooses; none at all for no binding.</param>
    public LandlockRules BindTcp(params int[] ports) => Copy(bind: (BindPorts ?? []).Union(Ports(ports)));

    /// <summary>Lets TCP sockets connect to these ports, of any host, and to no others. ABI 4, Linux 6.7.</summary>
    /// <param name="ports">None at all for no connecting.</param>
    public LandlockRules ConnectTcp(params int[] ports) => Copy(connect: (ConnectPorts ?? []).Union(Ports(ports)));

    /// <summary>Refuses to connect to abstract UNIX sockets of processes that are not restricted by these rules. ABI 6, Linux 6.12.</summary>
    public LandlockRules ScopeAbstractSockets() => Copy(sockets: true);

    /// <summary>Refuses to signal processes that are not restricted by these rules. ABI 6, Linux 6.12.</summary>
    public LandlockRules ScopeSignals() => Copy(signals: true);

    /// <summary>Sees that the kernel can restrict all that is asked for.</summary>
    /// <exception cref="ContainerException">It cannot.</exception>
    internal void Check(int abi)
    {
        if (abi <= 0)
        {
            throw new ContainerException("Landlock rules are asked for, and this kernel has no Landlock.", HostHints.For(HostFeature.Landlock));
        }

        if (Restricted == LandlockAccess.None && BindPorts is null && ConnectPorts is null && !AbstractSocketsScoped && !SignalsScoped)
        {
            throw new ContainerException("The Landlock rules restrict nothing.", $"{nameof(Restricting)}, {nameof(BindTcp)}, {nameof(ConnectTcp)}, {nameof(ScopeSignals)} or {nameof(ScopeAbstractSockets)} restricts something.");
        }

        LandlockAccess known = abi switch { 1 => LandlockAccess.Abi1, 2 => LandlockAccess.Abi2, 3 or 4 => LandlockAccess.Abi3, _ => LandlockAccess.Abi5 };
        if ((Restricted & ~known) is not LandlockAccess.None and LandlockAccess missing)
        {
            throw new ContainerException($"Landlock of this kernel (ABI {abi}) cannot restrict {missing}.", $"{nameof(Restricting)}(LandlockAccess.Abi{(abi == 4 ? 3 : abi)}) restricts what it can, and leaves that open; Linux 6.10 can restrict all.");
        }

        if (abi < 4 && (BindPorts is not null || ConnectPorts is not null))
        {
            throw new ContainerException($"Landlock of this kernel (ABI {abi}) cannot restrict TCP.", "Linux 6.7 (ABI 4) or newer can.");
        }

        if (abi < 6 && (AbstractSocketsScoped || SignalsScoped))
        {
            throw new ContainerException($"Landlock of this kernel (ABI {abi}) cannot scope sockets and signals.", "Linux 6.12 (ABI 6) or newer can.");
        }
    }

    private static int[] Ports(int[] ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        return Array.TrueForAll(ports, port => port is >= 0 and <= ushort.MaxValue) ? ports : throw new ArgumentOutOfRangeException(nameof(ports), "A port has a number from 0 to 65535.");
    }

    private LandlockRules Copy(LandlockAccess? restricted = null, ImmutableArray<(string, LandlockAccess)>? paths = null, ImmutableSortedSet<int>? bind = null, ImmutableSortedSet<int>? connect = null, bool? sockets = null, bool? signals = null)
        => new()
        {
            Restricted = restricted ?? Restricted,
            Paths = paths ?? Paths,
            BindPorts = bind ?? BindPorts,
            ConnectPorts = connect ?? ConnectPorts,
            AbstractSocketsScoped = sockets ?? AbstractSocketsScoped,
            SignalsScoped = signals ?? SignalsScoped,
        };
}
