using System.Diagnostics;

namespace Containers.Benchmarks.Peers;

/// <summary>.NET's own way to start a program, with no container at all.</summary>
internal sealed class ProcessStartContender(string root) : Contender("process-start")
{
    private readonly ProcessStartInfo _start = new(Path.Combine(root, "bin/true")) { UseShellExecute = false };

    public override TimeSpan Run()
    {
        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(_start)!;
        process.WaitForExit();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        return process.ExitCode == 0 ? elapsed : throw new ContenderException($"/bin/true ended with {process.ExitCode}");
    }

    public override void Dispose()
    {
    }
}
