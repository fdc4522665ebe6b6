using Containers.Images.Users;
using Containers.UserNamespaces;

namespace Containers.Launch;

/// <summary>Fills in what a spec leaves to the image and to the defaults.</summary>
internal static class RequestBuilder
{
    public static LaunchRequest Build(ContainerSpec spec, ResolvedRoot root, string id, string stateDirectory, (int Input, int Output, int Error) streams, LaunchNetwork? network = null, IdMaps? maps = null, Native.Deputy? deputy = null, int terminalSocket = -1)
    {
        ImageConfig? config = root.Image?.Config;
        ImageUser user = root.ResolveUser(NotEmpty(spec.User) ?? NotEmpty(config?.User) ?? "0");
        CheckIds(maps, user);
        if (maps is not null && root.Image is { } stored && spec.HasOverlay && Native.Kernel.geteuid() != 0 && maps.Root.User != (uint)Native.Kernel.geteuid())
        {
            throw new ContainerException($"The files of the image \"{stored.Name}\" belong to this process's user, who is not root by the maps that were given.", "WithCopiedRoot() makes a copy that belongs to the root they name.");
        }

        string hostname = Hostname(spec, id);
        if (spec.Hostname is not null && !spec.Private(ContainerNamespaces.Uts))
        {
            throw new ContainerException($"The host name \"{hostname}\" cannot be set: the container shares the host's UTS namespace.", $"{nameof(ContainerBuilder.WithUtsNs)}() gives it one of its own.");
        }

        (List<string> environment, string path) = Environment(spec, config, hostname, user.Home);
        return new LaunchRequest
        {
            Spec = spec,
            Id = id,
            LowerDirectories = root.LowerDirectories,
            StateDirectory = stateDirectory,
            Hostname = SeenHostname(spec, id),
            Arguments = Arguments(spec, config, root),
            Environment = environment,
            SearchPath = path,
            WorkingDirectory = NotEmpty(spec.WorkingDirectory) ?? NotEmpty(config?.WorkingDir) ?? "/",
            UserId = user.Uid,
            GroupId = user.Gid,
            SupplementaryGroups = spec.Groups.IsEmpty ? user.SupplementaryGroups : [.. user.SupplementaryGroups.Union(spec.Groups.Select(group => root.ResolveUser("0:" + group).Gid))],
            StopSignal = Signals.Parse(NotEmpty(spec.StopSignal) ?? NotEmpty(config?.StopSignal) ?? "SIGTERM"),
            Streams = streams,
            Terminal = spec.Terminal,
            TerminalSocket = terminalSocket,
            Maps = maps,
            Deputy = deputy,
            Network = network ?? LaunchNetwork.None(SeenHostname(spec, id)),
        };
    }

    /// <summary>A further process of a container.</summary>
    public static LaunchRequest ForExec(LaunchRequest first, ResolvedRoot root, IReadOnlyList<string> arguments, ExecOptions options, (int Input, int Output, int Error) streams, int terminalSocket)
    {
        ImageUser? user = options.User is { } name ? root.ResolveUser(name) : null;
        if (user is { } someone)
        {
            CheckIds(first.Maps, someone);
        }

        List<string> environment = [.. first.Environment];
        foreach ((string variable, string value) in options.Environment)
        {
            environment.RemoveAll(one => one.StartsWith(variable + "=", StringComparison.Ordinal));
            environment.Add($"{variable}={value}");
        }

        if (options.Terminal is not null && !environment.Exists(one => one.StartsWith("TERM=", StringComparison.Ordinal)))
        {
            environment.Add("TERM=xterm");
        }

        if (user is { } other && !options.Environment.ContainsKey("HOME"))
        {
            environment.RemoveAll(one => one.StartsWith("HOME=", StringComparison.Ordinal));
            environment.Add("HOME=" + other.Home);
        }

        return new LaunchRequest
        {
            Spec = first.Spec,
            Id = first.Id,
            LowerDirectories = first.LowerDirectories,
            StateDirectory = first.StateDirectory,
            Hostname = first.Hostname,
            Arguments = arguments,
            Environment = environment,
            SearchPath = environment.Last(variable => variable.StartsWith("PATH=", StringComparison.Ordinal))[5..],
            WorkingDirectory = options.WorkingDirectory ?? first.WorkingDirectory,
            UserId = user?.Uid ?? first.UserId,
            GroupId = user?.Gid ?? first.GroupId,
            SupplementaryGroups = user?.SupplementaryGroups ?? first.SupplementaryGroups,
            StopSignal = first.StopSignal,
            Streams = streams,
            Terminal = options.Terminal,
            TerminalSocket = terminalSocket,
            Maps = first.Maps,
            Network = first.Network,
        };
    }

    private static void CheckIds(IdMaps? maps, ImageUser user)
    {
        if (maps is null)
        {
            return;
        }

        if (IdMaps.ToHost(maps.Users, user.Uid) is null)
        {
            throw new ContainerException($"The command cannot run as user {user.Uid}: its user namespace has no such id ({string.Join(", ", maps.Users)}).", SubordinateHint);
        }

        // Where the only group is that of root, /etc/group names others in vain: nothing there belongs to them.
        uint[] groups = maps.DeniesSetGroups ? [user.Gid] : [user.Gid, .. user.SupplementaryGroups];
        foreach (uint group in groups)
        {
            if (IdMaps.ToHost(maps.Groups, group) is null)
            {
                throw new ContainerException($"The command cannot run with group {group}: its user namespace has no such id ({string.Join(", ", maps.Groups)}).", SubordinateHint);
            }
        }
    }

    /// <summary>The name the container has for itself, and on its networks.</summary>
    public static string SeenHostname(ContainerSpec spec, string id) => spec.Private(ContainerNamespaces.Uts) ? Hostname(spec, id) : System.Environment.MachineName;

    private const string SubordinateHint = "Other ids come from /etc/subuid and /etc/subgid, by newuidmap (package uidmap), or from the maps that are given to WithUserNs.";

    private static string Hostname(ContainerSpec spec, string id) => spec.Hostname ?? (id.Length <= 64 ? id : id[..64]);

    private static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static List<string> Arguments(ContainerSpec spec, ImageConfig? config, ResolvedRoot root)
    {
        List<string> arguments = [.. spec.Entrypoint ?? (IEnumerable<string>?)config?.Entrypoint ?? [], .. spec.Command ?? (IEnumerable<string>?)config?.Cmd ?? []];
        return arguments.Count > 0
            ? arguments
            : throw new ContainerException($"There is no command to run: {(root.Image is { } image ? $"the image \"{image.Name}\" names none" : "a root directory names none")}.", $"{nameof(ContainerBuilder.WithCommand)}(…) gives one.");
    }

    // The image's, then the builder's over it. Nothing of the host's.
    private static (List<string> Environment, string Path) Environment(ContainerSpec spec, ImageConfig? config, string hostname, string home)
    {
        List<string> environment = new(8 + spec.Environment.Count);
        Set("PATH", DefaultPolicy.Path);
        Set("HOSTNAME", hostname);
        Set("HOME", home);
        if (spec.Terminal is not null)
        {
            Set("TERM", "xterm");
        }

        foreach (string variable in (IEnumerable<string>?)config?.Env ?? [])
        {
            int equals = variable.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                Set(variable[..equals], variable[(equals + 1)..]);
            }
        }

        foreach ((string name, string value) in spec.Environment)
        {
            Set(name, value);
        }

        return (environment, environment.First(variable => variable.StartsWith("PATH=", StringComparison.Ordinal))[5..]);

        void Set(string name, string value)
        {
            string variable = $"{name}={value}";
            for (int i = 0; i < environment.Count; i++)
            {
                if (environment[i].AsSpan().StartsWith(variable.AsSpan(0, name.Length + 1)))
                {
                    environment[i] = variable;
                    return;
                }
            }

            environment.Add(variable);
        }
    }
}
