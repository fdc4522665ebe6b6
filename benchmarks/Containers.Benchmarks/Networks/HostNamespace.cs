using System.Diagnostics;
using System.Globalization;

namespace Containers.Benchmarks.Networks;

/// <summary>A network namespace that plays the host, so that the machine's own links and rules are left alone.</summary>
internal sealed class HostNamespace : IDisposable
{
    public NetworkNamespace Namespace { get; } = NetworkNamespace.Create();

    /// <summary>For programs that take a path.</summary>
    public string Path => PathOf(Namespace);

    public static string PathOf(NetworkNamespace networkNamespace) => string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{networkNamespace.Handle.Descriptor}");

    public Process Start(params string[] command) => Start(Namespace, command);

    /// <summary>Starts a program in a namespace; its output is read by who asked.</summary>
    public static Process Start(NetworkNamespace where, params string[] command)
        => Process.Start(new ProcessStartInfo("nsenter", [$"--net={PathOf(where)}", .. command]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    /// <summary>Runs a program in the namespace.</summary>
    public string Run(params string[] command) => Run(Namespace, command);

    public static string Run(NetworkNamespace where, params string[] command)
    {
        using Process process = Start(where, command);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {process.ExitCode}: {error.Result}{output}");
    }

    public void Dispose() => Namespace.Dispose();
}
