using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Containers;

/// <summary>
/// Describes a container. Immutable: each call returns another builder, so that one can serve as the base of many, from
/// any thread. Nothing happens before <see cref="Start()"/>.
/// </summary>
/// <remarks>
/// Mount, pid, uts, ipc, net and cgroup namespaces are private unless shared by name, so <c>WithPidNs()</c> and its like
/// say what is so already, or take back what a base builder shared.
/// </remarks>
public sealed partial class ContainerBuilder
{
    internal ContainerBuilder(RootSource root)
        : this(new ContainerSpec(root), null)
    {
    }

    private ContainerBuilder(ContainerSpec spec, ILogger? logger)
    {
        Spec = spec;
        Logger = logger;
    }

    /// <summary>What has been described so far.</summary>
    public ContainerSpec Spec { get; }

    internal ILogger? Logger { get; }

    /// <summary>Replaces the description.</summary>
    /// <param name="spec">The new one, made of <see cref="Spec"/> by <c>with</c>.</param>
    public ContainerBuilder WithSpec(ContainerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return new(spec, Logger);
    }

    /// <summary>Tells a logger about starts and ends.</summary>
    /// <param name="logger">The logger.</param>
    public ContainerBuilder WithLogger(ILogger logger) => new(Spec, logger);

    /// <summary>Chooses where images are unpacked and running containers keep their changes.</summary>
    /// <param name="path">A directory; made when it is missing. Needs a file system that overlays accept, such as ext4, xfs, btrfs or tmpfs.</param>
    public ContainerBuilder WithStore(string path) => WithSpec(Spec with { Store = Path.GetFullPath(Given(path)) });

    /// <summary>When an image that is given by its name is fetched from its registry; without this, when the store does not have it.</summary>
    /// <param name="policy">Missing, Always or Never.</param>
    public ContainerBuilder WithPullPolicy(PullPolicy policy) => WithSpec(Spec with { PullPolicy = Enum.IsDefined(policy) ? policy : throw new ArgumentOutOfRangeException(nameof(policy)) });

    /// <summary>How registries are reached, when the image is pulled.</summary>
    /// <param name="registries">Credentials, mirrors, certificates.</param>
    public ContainerBuilder WithRegistries(RegistryOptions registries) => WithSpec(Spec with { Registries = Given(registries) });

    /// <summary>Names the container; without it an id of 12 hexadecimal digits is made.</summary>
    /// <param name="id">Letters, digits, '_', '.' and '-', beginning with a letter or digit, at most 64: it names a directory and, unless another is given, the host.</param>
    public ContainerBuilder WithId(string id)
        => id is { Length: > 0 and <= 64 } && char.IsAsciiLetterOrDigit(id[0]) && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-')
            ? WithSpec(Spec with { Id = id })
            : throw new ArgumentException($"\"{id}\" is no container id: 1 to 64 letters, digits, '_', '.', '-', beginning with a letter or digit.", nameof(id));

    /// <summary>The command and its arguments, replacing the image's command; they follow the image's entrypoint when it has one.</summary>
    /// <param name="command">A path, or a name to be found in the container's PATH, and arguments.</param>
    public ContainerBuilder WithCommand(params string[] command) => WithSpec(Spec with { Command = [.. Given(command)] });

    /// <summary>Replaces the image's entrypoint, and drops its command, which was meant for the other one; with nothing given there is none.</summary>
    /// <param name="entrypoint">A program and arguments that come before the command.</param>
    public ContainerBuilder WithEntrypoint(params string[] entrypoint)
        => WithSpec(Spec with { Entrypoint = [.. Given(entrypoint)], Command = Spec.Command ?? ImmutableArray<string>.Empty });

    /// <summary>Sets a variable.</summary>
    /// <param name="name">Its name: not empty, and without '='.</param>
    /// <param name="value">Its value.</param>
    public ContainerBuilder WithEnvironment(string name, string value)
        => name.Length == 0 || name.Contains('=', StringComparison.Ordinal)
            ? throw new ArgumentException($"\"{name}\" cannot name a variable: it is empty or has a '='.", nameof(name))
            : WithSpec(Spec with { Environment = Spec.Environment.SetItem(name, Given(value)) });

    /// <summary>Sets the directory the command starts in.</summary>
    /// <param name="path">An absolute path inside; made when it is missing.</param>
    public ContainerBuilder WithWorkingDirectory(string path) => WithSpec(Spec with { WorkingDirectory = Inside(path) });

    /// <summary>Sets the user the command runs as.</summary>
    /// <param name="user">"name", "uid", "name:group" or "uid:gid"; names are looked up in the image's /etc/passwd and /etc/group.</param>
    public ContainerBuilder WithUser(string user) => WithSpec(Spec with { User = Given(user) });

    /// <summary>Sets the signal <see cref="Container.StopAsync"/> begins with.</summary>
    /// <param name="signal">A name, such as SIGINT, or a number.</param>
    public ContainerBuilder WithStopSignal(string signal)
    {
        _ = Signals.Parse(signal);
        return WithSpec(Spec with { StopSignal = signal });
    }

    /// <summary>Sets the host name seen inside.</summary>
    /// <param name="hostname">At most 64 bytes.</param>
    public ContainerBuilder WithHostname(string hostname)
        => Given(hostname).Length is 0 or > 64
            ? throw new ArgumentException($"\"{hostname}\" cannot be a host name: it has {hostname.Length} characters, and 1 to 64 are possible.", nameof(hostname))
            : WithSpec(Spec with { Hostname = hostname });

    /// <summary>Mounts a file or directory of the host.</summary>
    /// <param name="source">A path on the host, which must be there when the container starts.</param>
    /// <param name="target">An absolute path inside; made when it is missing.</param>
    /// <param name="readOnly">Whether the container cannot write to it, nor to what is mounted below it.</param>
    /// <param name="idmapped">
    /// Whether a container with users of its own sees owners as if it had none: a file of the host's root is its root's, and what its root makes there
    /// belongs to the host's root. Bind nothing in this way that others of the host can reach: a setuid program could be left there. Needs a host process that is root, and Linux 5.12.
    /// </param>
    public ContainerBuilder WithBind(string source, string target, bool readOnly = false, bool idmapped = false)
        => WithSpec(Spec with { Mounts = Spec.Mounts.Add(new ContainerMount.Bind(Path.GetFullPath(Given(source)), Inside(target), readOnly) { Idmapped = idmapped }) });

    /// <summary>Mounts a fresh file system in memory.</summary>
    /// <param name="target">An absolute path inside; made when it is missing.</param>
    /// <param name="sizeBytes">The most it can hold; null for half of the memory.</param>
    public ContainerBuilder WithTmpfs(string target, long? sizeBytes = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sizeBytes ?? 1, nameof(sizeBytes));
        return WithSpec(Spec with { Mounts = Spec.Mounts.Add(new ContainerMount.Tmpfs(Inside(target), sizeBytes)) });
    }

    /// <summary>Makes the root read-only. Binds, tmpfs and /dev are not affected.</summary>
    public ContainerBuilder WithReadOnlyRoot() => WithSpec(Spec with { ReadOnlyRoot = true });

    /// <summary>Puts an overlay over the image or directory, so that it is not changed. The default.</summary>
    public ContainerBuilder WithOverlayRoot() => WithSpec(Spec with { RootMode = RootMode.Overlay });

    /// <summary>Uses the directory itself as root. What is missing in it to mount on, such as /proc, is made in it.</summary>
    public ContainerBuilder WithBindRoot() => WithSpec(Spec with { RootMode = RootMode.Bind });

    /// <summary>
    /// Makes a copy of the image or directory the root, which goes with the container. It takes the time and the space of all its files (blocks are shared where
    /// the file system can), and needs no overlay: Linux 5.10 has none in user namespaces (<see cref="WithFuseOverlayRoot"/> needs none of the kernel either), and before 5.19 none shows other owners.
    /// </summary>
    public ContainerBuilder WithCopiedRoot() => WithSpec(Spec with { RootMode = RootMode.Copy });

    /// <summary>
    /// Puts an overlay over the image or directory that fuse-overlayfs(1) makes, where the kernel has none for this process's user (before Linux 5.11). The package
    /// fuse-overlayfs has to be installed, and this user has to be let in to /dev/fuse. Each access to the root goes through that program, one of which runs beside each container.
    /// </summary>
    public ContainerBuilder WithFuseOverlayRoot() => WithSpec(Spec with { RootMode = RootMode.FuseOverlay });

    /// <summary>Leaves /etc/hostname, /etc/hosts and /etc/resolv.conf as the image has them.</summary>
    public ContainerBuilder WithoutEtcFiles() => WithSpec(Spec with { EtcFiles = false });

    /// <summary>Decides what the command's first three descriptors are: pipes, unless told otherwise.</summary>
    /// <param name="input">What it reads.</param>
    /// <param name="output">Where its output goes.</param>
    /// <param name="error">Where its errors go.</param>
    public ContainerBuilder WithStandardStreams(StandardStream input, StandardStream output, StandardStream error)
        => WithSpec(Spec with { StandardInput = input, StandardOutput = output, StandardError = error });

    private static T Given<T>(T value, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(value))] string? name = null)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(value, name);
        if (value is IEnumerable<string?> many && many.Contains(null))
        {
            throw new ArgumentException("One of the texts is null.", name);
        }

        return value;
    }

    private static string Inside(string path)
        => Given(path).StartsWith('/') ? path : throw new ArgumentException($"\"{path}\" is a path inside a container and has to begin with '/'.", nameof(path));
}
