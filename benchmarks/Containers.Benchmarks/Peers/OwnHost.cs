using System.Buffers.Binary;

namespace Containers.Benchmarks.Peers;

/// <summary>
/// This library in another process: with a heap of 1 GB, all of it alive and touched, which fork would copy the page tables
/// of; in a network of its own, whose containers have one too; or as a user who is not root.
/// </summary>
internal static class OwnHost
{
    public const string Command = "own-host", Large = "1gb", Networked = "net", Rootless = "rootless";

    private const int Blocks = 1024, BlockSize = 1 << 20;

    public static int Run(string[] args)
    {
        Console.CancelKeyPress += (_, e) => e.Cancel = true; // Ctrl-C is for the process that drives this one
        ContainerBuilder builder = OwnContender.Builder(args[1], args[2]);
        if (args[0] == Networked)
        {
            builder = OwnContender.WithNetwork(builder);
        }

        byte[][] heap = new byte[args[0] == Large ? Blocks : 0][];
        for (int i = 0; i < heap.Length; i++)
        {
            heap[i] = new byte[BlockSize];
            heap[i].AsSpan().Fill((byte)(i | 1)); // touched: untouched memory has no pages
        }

        GC.Collect();
        using Stream input = Console.OpenStandardInput();
        using Stream output = Console.OpenStandardOutput();
        Span<byte> answer = stackalloc byte[8];
        while (input.ReadByte() >= 0)
        {
            long nanoseconds = OwnContender.Run(builder, out _).Ticks * 100;
            BinaryPrimitives.WriteInt64LittleEndian(answer, nanoseconds);
            output.Write(answer);
            output.Flush();
        }

        GC.KeepAlive(heap);
        return 0;
    }
}
