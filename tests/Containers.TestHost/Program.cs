// A host process for tests that kill one, or need a second one:
//     Containers.TestHost start ROOT STORE COMMAND...         starts a container, prints its pid, waits for the end of its own input
//     Containers.TestHost cgroup ROOT STORE COMMAND...        starts a container in a cgroup and the host's PID namespace, prints the cgroup, waits likewise
//     Containers.TestHost run ROOT STORE COMMAND...           runs a container to its end, prints its output and how it ended
//     Containers.TestHost net ROOT STORE BRIDGE SUBNET NAME   starts a container on a network, prints its address, waits for the end of its own input, disposes
//     Containers.TestHost churn ROOT STORE BRIDGE SUBNET      starts and disposes containers with a network and ports until it is killed, a line for each
//     Containers.TestHost probe                               prints what this process finds of its host
using Containers;

switch (args[0])
{
    case "run":
        ContainerResult result = await Container.FromRootfs(args[1]).WithStore(args[2]).WithCommand(args[3..]).RunAsync();
        Console.Write(result.Output + result.Error);
        Console.WriteLine(result.Exit);
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

    case "probe":
        Console.Write(HostCapabilities.Probe());
        break;

    case "start":
        Container container = Container.FromRootfs(args[1]).WithStore(args[2]).WithCommand(args[3..]).Start();
        Console.WriteLine(container.Pid);
        Console.In.ReadToEnd();
        GC.KeepAlive(container); // and not disposed: that is what the tests are about
        break;

    default:
        throw new ArgumentException($"\"{args[0]}\" is none of start, cgroup, run, probe, net and churn.");
}

ContainerBuilder Networked() => Container.FromRootfs(args[1]).WithStore(args[2]).WithCommand("sleep", "1000")
    .WithNet(net => net.Bridge(args[3], args[4]).Publish(0, 80).Publish(0, 53, TransportProtocol.Udp));
