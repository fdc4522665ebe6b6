using System.Buffers.Binary;
using System.Diagnostics;

namespace Containers.Benchmarks.Peers;

/// <summary>
/// A process that lives through all runs and times them itself: a byte asks for a run, eight bytes answer with its
/// nanoseconds. So neither its own start nor the pipes are in what is measured.
/// </summary>
internal sealed class Helper : IDisposable
{
    private readonly Process _process;
    private readonly Stream _input;
    private readonly Stream _output;

    public Helper(string program, params IEnumerable<string> arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        _input = _process.StandardInput.BaseStream;
        _output = _process.StandardOutput.BaseStream;
    }

    public TimeSpan Run()
    {
        Span<byte> answer = stackalloc byte[8];
        try
        {
            _input.Write([1]);
            _input.Flush();
            _output.ReadExactly(answer);
        }
        catch (IOException)
        {
            throw new ContenderException("its process has ended");
        }

        long nanoseconds = BinaryPrimitives.ReadInt64LittleEndian(answer);
        return nanoseconds >= 0 ? new TimeSpan(nanoseconds / 100) : throw new ContenderException("a run failed");
    }

    public void Dispose()
    {
        _process.StandardInput.Close(); // it reads the end, and ends
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
