// containers: what the library can do, from a shell. Without a daemon: a container lives as long as the command that runs it.
//
//     dotnet run --project samples/ContainerCli -- run -it debian:12 sh
using ContainerCli;

return await Cli.RunAsync(args);
