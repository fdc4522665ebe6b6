// A host process for tests that kill one, or run one as PID 1:
//     Containers.TestHost start ROOT STORE COMMAND...   starts a container, prints its pid, waits for the end of its own input
//     Containers.TestHost run ROOT STORE COMMAND...     runs a container to its end, prints its output and how it ended
using Containers;

ContainerBuilder builder = Container.FromRootfs(args[1]).WithStore(args[2]).WithCommand(args[3..]);
if (args[0] == "run")
{
    ContainerResult result = await builder.RunAsync();
    Console.Write(result.Output + result.Error);
    Console.WriteLine(result.Exit);
    return;
}

Container container = builder.Start();
Console.WriteLine(container.Pid);
Console.In.ReadToEnd();
GC.KeepAlive(container); // and not disposed: that is what the tests are about
