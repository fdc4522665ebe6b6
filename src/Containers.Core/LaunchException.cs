namespace Containers;

/// <summary>A container did not start: one of the steps on the way failed. Nothing of it is left behind.</summary>
public class LaunchException : KernelException
{
    internal LaunchException(string step, string? systemCall, Errno errno, string? hint)
        : base(systemCall is null ? step : $"{step}: {systemCall}", null, errno, hint) => Step = step;

    /// <summary>The step, in words: <c>mount proc on "/proc"</c>.</summary>
    public string Step { get; }
}

/// <summary>The command is not in the image. Shells and Docker say exit code 127.</summary>
public sealed class CommandNotFoundException : LaunchException
{
    internal CommandNotFoundException(string command, string? hint)
        : base($"execute \"{command}\"", null, Errno.ENOENT, hint) => Command = command;

    /// <summary>What was to be run.</summary>
    public string Command { get; }

    /// <summary>127.</summary>
    public int ExitCode { get; } = 127;
}

/// <summary>The command is there and cannot be executed. Shells and Docker say exit code 126.</summary>
public sealed class CommandNotExecutableException : LaunchException
{
    internal CommandNotExecutableException(string command, Errno errno, string? hint)
        : base($"execute \"{command}\"", null, errno, hint) => Command = command;

    /// <summary>What was to be run.</summary>
    public string Command { get; }

    /// <summary>126.</summary>
    public int ExitCode { get; } = 126;
}
