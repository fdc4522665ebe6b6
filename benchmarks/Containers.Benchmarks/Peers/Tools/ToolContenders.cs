namespace Containers.Benchmarks.Peers.Tools;

/// <summary>Programs that start containers, each timed by a spawner in C from its start to its exit.</summary>
internal sealed class ToolContenders(WorkFolder work, string root)
{
    private readonly Lazy<string> _spawner = new(() => CompiledC.Build(work.In("spawner"), "spawner.c"));

    /// <summary>The same program started in C with no container around it: nothing that starts it is faster.</summary>
    public Contender Bare() => Spawned("posix_spawn", null, [Path.Combine(root, "bin/true")]);

    public Contender Unshare() => Spawned("unshare", null,
        ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup", "chroot", root, "/bin/true"]);

    public Contender Bubblewrap() => Spawned("bwrap", null,
        ["bwrap", "--unshare-all", "--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"]);

    /// <summary>Bubblewrap without privileges, and so in a user namespace, with that user's root.</summary>
    public Contender BubblewrapOfUser(string folder)
    {
        Find("bwrap");
        return Tried(Spawned("bwrap-user", null, OrdinaryUser.For(work,
            [_spawner.Value, "bwrap", "--unshare-all", "--bind", OrdinaryUser.RootIn(folder), "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"])));
    }

    public Contender Oci(string runtime)
    {
        Find(runtime);
        string bundle = OciBundle.Write(work.In(runtime), runtime, root);
        string id = $"containers-benchmarks-{Environment.ProcessId}-{runtime}";
        string[] run = [runtime, "run", "--bundle", bundle, id];
        Action tidy = () => OciBundle.Delete(runtime, id);
        return Tried(runtime == "crun" && HybridCgroups.AreInTheWay
            ? Spawned(runtime, tidy + HybridCgroups.Settle, HybridCgroups.Without(work, [_spawner.Value, .. run]))
            : Spawned(runtime, tidy, run));
    }

    /// <summary>A further process in a container of the runtime's, which is started beforehand and deleted afterwards.</summary>
    public Contender OciExec(string runtime)
    {
        const string Around = "\"$1\" run --detach --bundle \"$2\" \"$3\" < /dev/null > /dev/null && \"$0\" \"$1\" exec \"$3\" /bin/true; \"$1\" delete --force \"$3\"";
        Find(runtime);
        string bundle = OciBundle.Write(work.In(runtime + "-exec"), runtime, root, "/bin/busybox", "sleep", "1000000");
        string[] run = ["sh", "-c", Around, _spawner.Value, runtime, bundle, $"containers-benchmarks-{Environment.ProcessId}-{runtime}-exec"];
        return Tried(runtime == "crun" && HybridCgroups.AreInTheWay
            ? new HelperContender(runtime, new Helper("unshare", HybridCgroups.Without(work, run)[1..]), HybridCgroups.Settle)
            : new HelperContender(runtime, new Helper(run[0], run[1..])));
    }

    /// <summary>
    /// Podman with its usual bridge and NAT. Without cgroups, as the containers it is compared with have none, and with
    /// limits that are below any host's: raising them may be forbidden here.
    /// </summary>
    public Contender PodmanNet()
    {
        Find("podman");
        Find("crun");
        string folder = Directory.CreateDirectory(work.In("podman")).FullName;
        string[] run =
        [
            _spawner.Value, "podman", "--root", $"{folder}/root", "--runroot", "/run/podman", // 50 characters at most
            "--network-config-dir", $"{folder}/networks", "--runtime", "crun", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
            "run", "--rm", "--network", "bridge", "--cgroups", "disabled", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
            "--rootfs", root, "/bin/true",
        ];
        return Tried(HybridCgroups.AreInTheWay
            ? Spawned("podman-net", HybridCgroups.Settle, OwnNetwork.For(HybridCgroups.Without(work, run)))
            : Spawned("podman-net", null, OwnNetwork.For(run)));
    }

    /// <summary>A first run shows whether it runs here at all.</summary>
    public static Contender Tried(Contender contender)
    {
        try
        {
            contender.Run();
            return contender;
        }
        catch (ContenderException)
        {
            contender.Dispose();
            throw;
        }
    }

    private HelperContender Spawned(string name, Action? tidy, string[] command)
    {
        Find(command[0]);
        string[] all = command.Contains(_spawner.Value) ? command : [_spawner.Value, .. command];
        return new HelperContender(name, new Helper(all[0], all[1..]), tidy);
    }

    private static void Find(string program)
    {
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        if (!path.Append("/").Any(directory => File.Exists(Path.Combine(directory, program))))
        {
            throw new ContenderException($"{program} is not installed");
        }
    }
}
