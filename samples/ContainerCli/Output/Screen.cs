using Spectre.Console;

namespace ContainerCli.Output;

/// <summary>What goes to the terminal beside the data: in colours where there is one and NO_COLOR (no-color.org) does not say otherwise, plain where it is piped.</summary>
internal static class Screen
{
    private static bool Colours => Environment.GetEnvironmentVariable("NO_COLOR") is not { Length: > 0 };

    /// <summary>Standard error, for progress and messages: standard output is for what was asked for.</summary>
    public static IAnsiConsole Messages { get; } = AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(Console.Error),
        Ansi = Console.IsErrorRedirected ? AnsiSupport.No : AnsiSupport.Detect,
        Interactive = Console.IsErrorRedirected ? InteractionSupport.No : InteractionSupport.Detect,
        ColorSystem = Colours ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
    });

    public static IAnsiConsole Data { get; } = AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(Console.Out),
        Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
        ColorSystem = Colours ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
    });

    public static bool IsLive => !Console.IsErrorRedirected && Messages.Profile.Capabilities.Ansi;

    public static void Error(string message)
    {
        if (IsLive)
        {
            Messages.Markup("[red]containers:[/] ");
        }
        else
        {
            Console.Error.Write("containers: ");
        }

        Console.Error.WriteLine(message);
    }
}
