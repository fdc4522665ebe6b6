// ROOT is a directory, or an image's reference. TEST_WITH names what the container has besides, as words: see With below.
// A host process for tests that kill one, or need a second one:
//     Containers.TestHost start ROOT STORE COMMAND...         starts a container, prints its pid, waits for the end of its own input
//     Containers.TestHost cgroup ROOT STORE COMMAND...        starts a container in a cgroup and the host's PID namespace, prints the cgroup, waits likewise
//     Containers.TestHost run ROOT STORE COMMAND...           runs a container to its end, prints its output and how it ended
//     Containers.TestHost net ROOT STORE BRIDGE SUBNET NAME   starts a container on a network, prints its address, waits for the end of its own input, disposes
//     Containers.TestHost exec ROOT STORE COMMAND...          runs a further process in a container to its end, prints its output, how it ended, and what calls were refused
//     Containers.TestHost many ROOT STORE COMMAND...          runs 40 containers at once, prints what they print, each different text once
//     Containers.TestHost load ROOT STORE                     loads an image, prints its name
//     Containers.TestHost tree DIRECTORY                      lists a tree, as TreeListing does
//     Containers.TestHost list - STORE                        prints the names of the images of a store
//     Containers.TestHost pull NAME STORE                     prints a line, pulls an image, prints its id
//     Containers.TestHost storm DIRECTORY STORE SECONDS       loads the directory's archives, runs containers of them, names, lists, removes, prunes and verifies, at random
//     Containers.TestHost churn ROOT STORE BRIDGE SUBNET      starts and disposes containers with a network and ports until it is killed, a line for each
//     Containers.TestHost scope ROOT STORE COMMAND...         enters a scope of systemd's, prints its cgroup, runs a container with limits to its end, prints its cgroup, its output and how it ended
//     Containers.TestHost attach ROOT STORE COMMAND...        runs a container with a terminal, that is this process's own, and returns what it returns
//     Containers.TestHost probe                               prints what this process finds of its host
using Containers;

switch (args[0])
{
    case "run":
        ContainerResult result = await With().WithCommand(args[3..]).RunAsync();
        Console.Write(result.Output + result.Error);
        Console.WriteLine(result.Exit);
        break;

    case "exec":
        using (Container running = With().WithCommand("sleep", "1000").Start())
        {
            ContainerResult joined = await running.RunAsync(args[3..]);
            Console.Write(joined.Output + joined.Error);
            Console.WriteLine(joined.Exit);
            if (running.GetSystemCallReport() is { } report)
            {
                Console.WriteLine(string.Join(' ', report.Denied.Select(denied => denied.Name).Distinct()));
            }
        }

        break;

    case "many":
        ContainerResult[] results = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => With().WithCommand(args[3..]).RunAsync()));
        Console.WriteLine(string.Join(' ', results.Select(one => one.Output.Trim()).Distinct()));
        break;

    case "load":
        Console.WriteLine(new ImageStore(args[2]).Load(args[1]).Name);
        break;

    case "storm":
        await Storm(Directory.GetFiles(args[1], "*.tar"), new ImageStore(args[2]), TimeSpan.FromSeconds(int.Parse(args[3])));
        break;

    case "tree":
        foreach (string line in Containers.Tests.TreeListing.Of(args[1]))
        {
            Console.WriteLine(line);
        }

        break;

    case "list":
        foreach (ImageSummary image in new ImageStore(args[2]).List())
        {
            Console.WriteLine(string.Join(' ', image.Names));
        }

        break;

    case "pull":
        Console.WriteLine("begins");
        Console.WriteLine((await new ImageStore(args[2]).PullAsync(args[1])).Id);
        break;

    case "net":
        using (Container named = Networked().WithHostname(args[5]).Start())
        {
            Console.WriteLine(named.Network.Address);
            Console.In.ReadToEnd();
        }

        break;

    case "churn":
        while (true)
        {
            using Network network = Network.Bridge(args[3], args[4]);
            Container first = Networked().Start();
            using (Container second = Networked().Start())
            {
                first.Dispose();
            }

            Console.WriteLine("again");
        }

    case "cgroup":
        Container limited = Container.FromRootfs(args[1]).WithStore(args[2]).WithHostPidNs().WithMemoryLimit(64 << 20).WithCgroup().WithCommand(args[3..]).Start();
        Console.WriteLine(limited.Cgroup);
        Console.In.ReadToEnd();
        GC.KeepAlive(limited);
        break;

    case "scope":
        Console.WriteLine((await SystemdScope.EnterAsync()).Cgroup);
        await using (Container inScope = With().WithMemoryLimit(64 << 20).WithCpuLimit(0.5).WithPidsLimit(20).WithCgroup()
            .WithCommand(args[3..]).WithStandardStreams(StandardStream.Null, StandardStream.Pipe, StandardStream.Inherit).Start())
        {
            Console.WriteLine(inScope.Cgroup);
            Console.Write(await new StreamReader(inScope.StandardOutput!.AsStream()).ReadToEndAsync());
            Console.WriteLine(await inScope.WaitAsync());
        }

        break;

    case "attach":
        TerminalSize size = RawConsole.Size ?? new TerminalSize(80, 24);
        using (Container attached = With().WithTerminal(size.Columns, size.Rows).WithCommand(args[3..]).Start())
        {
            ContainerExit exit = await attached.AttachConsoleAsync();
            Console.WriteLine(exit);
            return exit.ExitCode;
        }

    case "probe":
        Console.Write(HostCapabilities.Probe());
        break;

    case "start":
        Container container = With().WithCommand(args[3..]).Start();
        Console.WriteLine(container.Pid);
        Console.In.ReadToEnd();
        GC.KeepAlive(container); // and not disposed: that is what the tests are about
        break;

    default:
        throw new ArgumentException($"\"{args[0]}\" is none of start, attach, cgroup, scope, run, exec, many, load, tree, list, pull, storm, probe, net and churn.");
}

return 0;

// What one does, another may undo at once: an image that is gone, or in use, is told by an ImageException, and nothing else may happen.
static async Task Storm(string[] archives, ImageStore store, TimeSpan time)
{
    int runs = 0, refused = 0;
    for (long end = Environment.TickCount64 + (long)time.TotalMilliseconds; Environment.TickCount64 < end;)
    {
        string archive = "docker-archive:" + archives[Random.Shared.Next(archives.Length)];
        try
        {
            switch (Random.Shared.Next(10))
            {
                case 0 or 1 or 2:
                    ContainerResult result = await Container.FromImage(archive).WithStore(store.Path).WithCommand("sh", "-c", "cat /own; echo more >> /own").RunAsync();
                    runs++;
                    if (!result.Exit.IsSuccess || result.Output.Trim() != Path.GetFileNameWithoutExtension(archive))
                    {
                        throw new InvalidOperationException($"{archive}: {result.Exit} {result.Output} {result.Error}");
                    }

                    break;
                case 3 or 4:
                    Image image = store.Load(archive);
                    await using (Container container = Container.FromImage(image).WithStore(store.Path).WithCommand("sh", "-c", "echo x > /x").Start())
                    {
                        await container.WaitAsync();
                        await container.CommitAsync($"committed:{Random.Shared.Next(3)}");
                    }

                    break;
                case 5:
                    await store.PruneAsync(new PruneOptions { All = Random.Shared.Next(2) == 0 });
                    break;
                case 6:
                    if (store.List() is { Count: > 0 } all)
                    {
                        store.Tag(all[0].Id, $"tagged:{Random.Shared.Next(3)}");
                        store.Inspect(all[^1].Id);
                    }

                    break;
                case 7:
                    store.Remove($"tagged:{Random.Shared.Next(3)}");
                    store.Remove($"committed:{Random.Shared.Next(3)}");
                    break;
                case 8:
                    if (store.List() is [var first, ..])
                    {
                        store.Remove(first.Id);
                    }

                    break;
                default:
                    StoreVerification verification = await store.VerifyAsync();
                    StoreProblem? problem = verification.Problems.FirstOrDefault(problem => problem.Place.StartsWith("layers", StringComparison.Ordinal));
                    if (problem is not null)
                    {
                        throw new InvalidOperationException(problem.ToString());
                    }

                    break;
            }
        }
        catch (ImageException)
        {
            refused++;
        }
    }

    Console.WriteLine($"{runs} runs, {refused} refused");
}

ContainerBuilder With()
{
    ContainerBuilder builder = (args[1].StartsWith('/') ? Container.FromRootfs(args[1]) : Container.FromImage(args[1])).WithStore(args[2]);
    foreach (string word in (Environment.GetEnvironmentVariable("TEST_WITH") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
    {
        string[] parts = word.Split('=');
        builder = parts[0] switch
        {
            "map" => builder.WithUserNs([.. parts[1].Split(',').Select(map => map.Split(':').Select(uint.Parse).ToArray()).Select(map => new IdMap(map[0], map[1], map[2]))]),
            "host-users" => builder.WithHostUserNs(),
            "host-net" => builder.WithHostNetNs(),
            "host-pid" => builder.WithHostPidNs(),
            "host-ipc" => builder.WithHostIpcNs(),
            "host-uts" => builder.WithHostUtsNs(),
            "time" => builder.WithTimeNs(default, TimeSpan.FromHours(1000)),
            "bind" => builder.WithBind(parts[1].Split(':')[0], parts[1].Split(':')[1], readOnly: parts[1].EndsWith(":ro", StringComparison.Ordinal)),
            "bind-root" => builder.WithBindRoot(),
            "bridge" => builder.WithNet(),
            "pasta" => builder.WithNet(net => net.Pasta()),
            "read-only" => builder.WithReadOnlyRoot(),
            "copied" => builder.WithCopiedRoot(),
            "fuse" => builder.WithFuseOverlayRoot(),
            "selinux" => builder.WithSelinuxLabel(parts[1]),
            "apparmor" => builder.WithAppArmorProfile(parts[1]),
            "report" => builder.WithSystemCallReport(),
            "learn" => builder.WithSystemCallLearning(),
            "disk" => builder.WithDiskLimit(long.Parse(parts[1])),
            "all-capabilities" => builder.WithAllCapabilities(),
            "squashed" => builder.WithSquashedOwners(),
            "without-etc" => builder.WithoutEtcFiles(),
            "user" => builder.WithUser(parts[1]),
            _ => throw new ArgumentException($"TEST_WITH has no word \"{word}\"."),
        };
    }

    return builder;
}

ContainerBuilder Networked() => Container.FromRootfs(args[1]).WithStore(args[2]).WithCommand("sleep", "1000")
    .WithNet(net => net.Bridge(args[3], args[4]).Publish(0, 80).Publish(0, 53, TransportProtocol.Udp));
