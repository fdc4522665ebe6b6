using System.CommandLine;
using Containers;

namespace ContainerCli.Commands;

/// <summary>The options that describe a container, with docker's names: of `run`, and of `explain`.</summary>
internal sealed class ContainerFlags
{
    private readonly Option<string[]> _environment = new("--env", "-e") { Description = "A variable: NAME=VALUE, or NAME for this process's", HelpName = "VAR" };
    private readonly Option<string[]> _volumes = new("--volume", "-v") { Description = "A directory or file of the host: SOURCE:TARGET[:ro]", HelpName = "BIND" };
    private readonly Option<string[]> _tmpfs = new("--tmpfs") { Description = "An empty directory in memory: TARGET[:size=64m]", HelpName = "TARGET" };
    private readonly Option<string?> _workdir = new("--workdir", "-w") { Description = "The directory that the command starts in", HelpName = "DIR" };
    private readonly Option<string?> _user = new("--user", "-u") { Description = "Who the command runs as: NAME, UID, NAME:GROUP …", HelpName = "USER" };
    private readonly Option<string?> _hostname = new("--hostname") { Description = "The container's host name", HelpName = "NAME" };
    private readonly Option<string?> _entrypoint = new("--entrypoint") { Description = "Replaces the image's entrypoint; \"\" for none", HelpName = "PROGRAM" };
    private readonly Option<string> _net = new("--net", "--network") { Description = "none (default), bridge, bridge=NAME, host, or pasta (without root)", HelpName = "NET", DefaultValueFactory = _ => "none" };
    private readonly Option<string[]> _publish = new("--publish", "-p") { Description = "A port of the host that leads to one of the container: [ADDRESS:]HOST:CONTAINER[/udp]; makes --net bridge the default", HelpName = "PORT" };
    private readonly Option<string[]> _dns = new("--dns") { Description = "A name server for the container", HelpName = "ADDRESS" };
    private readonly Option<string?> _memory = new("--memory", "-m") { Description = "The most memory, such as 256m", HelpName = "SIZE" };
    private readonly Option<double?> _cpus = new("--cpus") { Description = "The most CPU time, in processors: 0.5", HelpName = "N" };
    private readonly Option<long?> _pids = new("--pids-limit") { Description = "The most processes", HelpName = "N" };
    private readonly Option<string?> _disk = new("--disk") { Description = "The most that the container may write to its root, such as 1g", HelpName = "SIZE" };
    private readonly Option<string?> _timeout = new("--timeout") { Description = "When it is ended: 10s, 5m, 1h", HelpName = "TIME" };
    private readonly Option<string[]> _capAdd = new("--cap-add") { Description = "A capability more, or ALL", HelpName = "CAP" };
    private readonly Option<string[]> _capDrop = new("--cap-drop") { Description = "A capability less, or ALL", HelpName = "CAP" };
    private readonly Option<string?> _seccomp = new("--seccomp") { Description = "A profile of system calls (OCI's or docker's JSON), or unconfined", HelpName = "FILE" };
    private readonly Option<bool> _readOnly = new("--read-only") { Description = "The root cannot be written to" };
    private readonly Option<bool> _init = new("--init") { Description = "A small init as process 1, that reaps and passes signals on" };
    private readonly Option<bool> _userNs = new("--userns") { Description = "Users of its own: root inside is nobody outside" };
    private readonly Option<bool> _copied = new("--copied-root") { Description = "A copy of the root, where the host allows no overlay" };

    public Argument<string> Image { get; } = new("IMAGE") { Description = "The image: see `containers --help`" };

    public Argument<string[]> Arguments { get; } = new("COMMAND") { Description = "What to run in it, instead of what the image says", Arity = ArgumentArity.ZeroOrMore };

    public void AddTo(Command command)
    {
        foreach (Option option in (IEnumerable<Option>)[_environment, _volumes, _tmpfs, _workdir, _user, _hostname, _entrypoint, _net, _publish, _dns, _memory, _cpus, _pids, _disk, _timeout, _capAdd, _capDrop, _seccomp, _readOnly, _init, _userNs, _copied])
        {
            command.Options.Add(option);
        }

        command.Arguments.Add(Image);
        command.Arguments.Add(Arguments);
    }

    /// <summary>The container that the options describe, of an image that is in the store.</summary>
    public ContainerBuilder Build(ParseResult parsed, Image image, ImageStore store)
    {
        ContainerBuilder container = Container.FromImage(image).WithStore(store.Path).WithPidNs();
        container = Process(parsed, container);
        container = Mounts(parsed, container);
        container = Network(parsed, container);
        container = Limits(parsed, container);
        return Privileges(parsed, container);
    }

    /// <summary>An ordinary user's limits need a part of the cgroup tree, which systemd gives to who asks for it.</summary>
    public async Task EnterScopeAsync(ParseResult parsed, CancellationToken cancellation)
    {
        (bool Asked, HostFeature Controller)[] limits =
        [
            (parsed.GetValue(_memory) is not null, HostFeature.MemoryController),
            (parsed.GetValue(_cpus) is not null, HostFeature.CpuController),
            (parsed.GetValue(_pids) is not null, HostFeature.PidsController),
        ];
        if (!Environment.IsPrivilegedProcess && limits.Any(limit => limit.Asked) && HostCapabilities.Probe() is var host && limits.Any(limit => limit.Asked && !host.Has(limit.Controller)))
        {
            await SystemdScope.EnterAsync(cancellation: cancellation);
        }
    }

    private ContainerBuilder Process(ParseResult parsed, ContainerBuilder container)
    {
        if (parsed.GetValue(Arguments) is { Length: > 0 } command)
        {
            container = container.WithCommand(command);
        }

        if (parsed.GetValue(_entrypoint) is { } entrypoint)
        {
            container = entrypoint.Length == 0 ? container.WithEntrypoint() : container.WithEntrypoint(entrypoint);
        }

        foreach (string variable in parsed.GetValue(_environment) ?? [])
        {
            string[] parts = variable.Split('=', 2);
            if (parts is [_, { } value] || (value = Environment.GetEnvironmentVariable(variable)!) is not null)
            {
                container = container.WithEnvironment(parts[0], value);
            }
        }

        container = parsed.GetValue(_workdir) is { } directory ? container.WithWorkingDirectory(directory) : container;
        container = parsed.GetValue(_user) is { } user ? container.WithUser(user) : container;
        container = parsed.GetValue(_hostname) is { } name ? container.WithHostname(name) : container;
        container = parsed.GetValue(_init) ? container.WithInit() : container;
        return parsed.GetValue(_timeout) is { } time ? container.WithTimeout(Quantities.Time(time)) : container;
    }

    private ContainerBuilder Mounts(ParseResult parsed, ContainerBuilder container)
    {
        foreach (string bind in parsed.GetValue(_volumes) ?? [])
        {
            container = bind.Split(':') switch
            {
                [{ Length: > 0 } source, ['/', ..] target] => container.WithBind(Path.GetFullPath(source), target),
                [{ Length: > 0 } source, ['/', ..] target, "ro"] => container.WithBind(Path.GetFullPath(source), target, readOnly: true),
                [{ Length: > 0 } source, ['/', ..] target, "rw"] => container.WithBind(Path.GetFullPath(source), target),
                _ => throw new ArgumentException($"--volume {bind}: write SOURCE:TARGET or SOURCE:TARGET:ro, the target from /."),
            };
        }

        foreach (string mount in parsed.GetValue(_tmpfs) ?? [])
        {
            container = mount.Split(":size=") switch
            {
                [['/', ..] target] => container.WithTmpfs(target),
                [['/', ..] target, { } size] => container.WithTmpfs(target, Quantities.Bytes(size)),
                _ => throw new ArgumentException($"--tmpfs {mount}: write TARGET or TARGET:size=64m."),
            };
        }

        container = parsed.GetValue(_readOnly) ? container.WithReadOnlyRoot() : container;
        container = parsed.GetValue(_copied) ? container.WithCopiedRoot() : container;
        return parsed.GetValue(_userNs) ? container.WithUserNs() : container;
    }

    private ContainerBuilder Network(ParseResult parsed, ContainerBuilder container)
    {
        string[] ports = parsed.GetValue(_publish) ?? [];
        string kind = parsed.GetValue(_net)!;
        kind = kind == "none" && ports.Length > 0 && parsed.GetResult(_net) is not { Implicit: false } ? "bridge" : kind;
        string[] servers = parsed.GetValue(_dns) ?? [];
        switch (kind.Split('=', 2))
        {
            case ["none"] when ports.Length == 0:
                return container;
            case ["host"] when ports.Length == 0:
                return container.WithHostNetNs();
            case ["bridge"]:
                return container.WithNet(net => Ports(servers.Length > 0 ? net.Dns(servers) : net, ports));
            case ["bridge", { Length: > 0 } name]:
                return container.WithNet(net => Ports(servers.Length > 0 ? net.Bridge(name).Dns(servers) : net.Bridge(name), ports));
            case ["pasta"]:
                return container.WithNet(net => Ports(net.Pasta(), ports));
            case ["none" or "host"]:
                throw new ArgumentException($"--publish needs a network of the container's own: --net bridge, or pasta. This is --net {kind}.");
            default:
                throw new ArgumentException($"--net {kind}: there are none, bridge, bridge=NAME, host and pasta.");
        }
    }

    private static NetBuilder Ports(NetBuilder net, string[] ports)
    {
        foreach (string port in ports)
        {
            (string address, TransportProtocol protocol) = port.EndsWith("/udp", StringComparison.Ordinal) ? (port[..^4], TransportProtocol.Udp)
                : (port.EndsWith("/tcp", StringComparison.Ordinal) ? port[..^4] : port, TransportProtocol.Tcp);
            int last = address.LastIndexOf(':');
            int middle = last > 0 ? address.LastIndexOf(':', last - 1) : -1;
            if (last < 0 || !ushort.TryParse(address[(last + 1)..], out ushort inside) || !ushort.TryParse(address[(middle + 1)..last], out ushort outside))
            {
                throw new ArgumentException($"--publish {port}: write HOST:CONTAINER, 8080:80, with /udp behind it where it is meant, and an address before it.");
            }

            net = middle > 0 ? net.Publish(address[..middle].Trim('[', ']'), outside, inside, protocol) : net.Publish(outside, inside, protocol);
        }

        return net;
    }

    private ContainerBuilder Limits(ParseResult parsed, ContainerBuilder container)
    {
        container = parsed.GetValue(_memory) is { } memory ? container.WithMemoryLimit(Quantities.Bytes(memory)) : container;
        container = parsed.GetValue(_cpus) is { } cores ? container.WithCpuLimit(cores) : container;
        container = parsed.GetValue(_pids) is { } count ? container.WithPidsLimit(count) : container;
        return parsed.GetValue(_disk) is { } disk ? container.WithDiskLimit(Quantities.Bytes(disk)) : container;
    }

    private ContainerBuilder Privileges(ParseResult parsed, ContainerBuilder container)
    {
        // As docker does: what is dropped goes first, so that "--cap-drop ALL --cap-add NET_BIND_SERVICE" leaves one.
        string[] dropped = parsed.GetValue(_capDrop) ?? [], added = parsed.GetValue(_capAdd) ?? [];
        if (dropped.Any(IsAll))
        {
            container = container.WithoutCapabilities(Enum.GetValues<Capability>());
        }
        else if (dropped.Length > 0)
        {
            container = container.WithoutCapabilities(dropped);
        }

        container = added.Any(IsAll) ? container.WithAllCapabilities() : added.Length > 0 ? container.WithCapabilities(added) : container;
        return parsed.GetValue(_seccomp) switch
        {
            null => container,
            "unconfined" => container.WithoutSeccomp(),
            { } file => container.WithSeccomp(SeccompProfile.FromFile(file)),
        };

        static bool IsAll(string name) => name.Equals("ALL", StringComparison.OrdinalIgnoreCase);
    }
}
