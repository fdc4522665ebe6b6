using System.CommandLine;
using Containers;

namespace ContainerCli.Commands;

/// <summary>run: a command in a container that goes with it.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        ContainerFlags flags = new();
        Option<bool> interactive = new("--interactive", "-i") { Description = "The command reads what is typed or piped in" };
        Option<bool> tty = new("--tty", "-t") { Description = "The command has a terminal" };
        Option<bool> remove = new("--rm") { Description = "What docker calls it: a container goes with its command anyway" };
        Option<PullPolicy> pull = new("--pull") { Description = "When a registry is asked", DefaultValueFactory = _ => PullPolicy.Missing };
        Option<string?> platform = new("--platform") { Description = "Which machine's image: linux/arm64", HelpName = "OS/ARCH" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "No progress" };
        Command command = new("run", """
            Runs a command in a new container, which ends with it. Returns what the command returns; 125 when the container could
            not be made, 126 when the command cannot be executed, 127 when it is not there, 128 + N when signal N ended it.

            An ordinary user's limits (--memory, --cpus, --pids-limit) are had from the user's systemd, which moves this program to a scope of its own.

            By default it is alone: it sees no processes, no network and no devices but its own, and has few privileges.

              containers run -it debian:12
              containers run -e TERM -v "$PWD:/work" -w /work debian:12 make
              containers run -p 8080:80 --memory 256m web:1
            """);
        foreach (Option option in (IEnumerable<Option>)[interactive, tty, remove, pull, platform, quiet])
        {
            command.Options.Add(option);
        }

        flags.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageStore store = Cli.StoreOf(parsed);
            Image image = await Images.GetAsync(store, parsed.GetValue(flags.Image)!, parsed.GetValue(pull), parsed.GetValue(platform), parsed.GetValue(quiet), cancellation);
            ContainerBuilder container = flags.Build(parsed, image, store);
            await flags.EnterScopeAsync(parsed, cancellation);
            ContainerExit exit = parsed.GetValue(tty) ? await WithTerminalAsync(container, cancellation) : await WithStreamsAsync(container, parsed.GetValue(interactive), cancellation);
            if (exit.Reason is not (ExitReason.Exited or ExitReason.Signaled or ExitReason.Killed))
            {
                Output.Screen.Error($"the command {exit}");
            }

            return exit.ExitCode;
        });
        return command;
    }

    private static async Task<ContainerExit> WithTerminalAsync(ContainerBuilder container, CancellationToken cancellation)
    {
        TerminalSize size = RawConsole.Size ?? new TerminalSize(80, 24);
        await using Container started = await container.WithTerminal(size.Columns, size.Rows).StartAsync(cancellation);
        using IDisposable signals = Interrupt.GiveTo(started); // Ctrl-C is a byte on the terminal; what comes as a signal is from elsewhere
        return await started.AttachConsoleAsync(CancellationToken.None);
    }

    private static async Task<ContainerExit> WithStreamsAsync(ContainerBuilder container, bool interactive, CancellationToken cancellation)
    {
        await using Container started = await container
            .WithStandardStreams(interactive ? StandardStream.Inherit : StandardStream.Null, StandardStream.Inherit, StandardStream.Inherit)
            .StartAsync(cancellation);
        using IDisposable signals = Interrupt.GiveTo(started);
        return await started.WaitAsync(CancellationToken.None);
    }
}
