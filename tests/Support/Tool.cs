using System.Diagnostics;
using Xunit;

namespace Containers.Tests;

/// <summary>Programs of the host that tests compare with.</summary>
internal static class Tool
{
    /// <summary>Runs a program and returns its standard output; fails the test when the program fails.</summary>
    public static string Run(string program, params string[] arguments)
    {
        (int exitCode, string output, string error) = Try(program, arguments);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {exitCode}: {error}{output}");
        return output;
    }

    /// <summary>Runs a script with bash, stopping at the first error.</summary>
    public static string Bash(string script) => Run("bash", "-euo", "pipefail", "-c", script);

    /// <summary>The same as root; for an ordinary user as root of a user namespace of its own, with its subordinate ids.</summary>
    public static string BashAsRoot(string script)
        => Environment.IsPrivilegedProcess ? Bash(script) : Run("unshare", "--user", "--map-root-user", "--map-auto", "bash", "-euo", "pipefail", "-c", script);

    public static (int ExitCode, string Output, string Error) Try(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(Requires.Find(program) ?? program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        using StreamReader errors = process.StandardError, outputs = process.StandardOutput; // a reader that was asked for is not disposed with the process
        Task<string> error = errors.ReadToEndAsync();
        string output = outputs.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
