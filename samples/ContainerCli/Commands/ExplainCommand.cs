using System.CommandLine;
using Containers;

namespace ContainerCli.Commands;

/// <summary>explain: how a container would be made.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        ContainerFlags flags = new();
        Option<bool> calls = new("--system-calls", "-s") { Description = "The system calls, and not the shell's commands" };
        Command command = new("explain", """
            Prints how the container that `run` would start with the same options is made, and starts nothing: as the commands that
            one would type to build it by hand, each with its reason, or as system calls.

              containers explain debian:12
              containers explain --net bridge -p 8080:80 web:1
              containers explain --system-calls debian:12
            """);
        command.Options.Add(calls);
        flags.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageStore store = Cli.StoreOf(parsed);
            Image image = await Images.GetAsync(store, parsed.GetValue(flags.Image)!, PullPolicy.Missing, null, quiet: false, cancellation);
            Console.Out.Write(flags.Build(parsed, image, store).Explain(parsed.GetValue(calls) ? ExplainStyle.SystemCalls : ExplainStyle.Shell));
            return 0;
        });
        return command;
    }
}
