using Containers.Native;
using Xunit;

namespace Containers.Tests.Events;

public sealed class PipeStreamTests : IClassFixture<HostState>
{
    [Fact]
    public async Task Read_waits_until_something_is_written()
    {
        (PipeStream reader, PipeStream writer) = Pipe();
        await using (reader)
        await using (writer)
        {
            byte[] buffer = new byte[10];
            ValueTask<int> read = reader.ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.False(read.IsCompleted);
            await writer.WriteAsync("hello"u8.ToArray(), TestContext.Current.CancellationToken);
            Assert.Equal(5, await read);
        }
    }

    [Fact]
    public async Task More_than_a_pipe_holds_is_written_while_it_is_read()
    {
        (PipeStream reader, PipeStream writer) = Pipe();
        byte[] sent = new byte[1 << 20];
        new Random(1).NextBytes(sent);
        using MemoryStream received = new();
        await using (reader)
        {
            Task reading = reader.CopyToAsync(received, TestContext.Current.CancellationToken);
            await writer.WriteAsync(sent, TestContext.Current.CancellationToken);
            await writer.DisposeAsync();
            await reading;
        }

        Assert.Equal(sent, received.ToArray());
    }

    [Fact]
    public async Task Read_that_waits_can_be_canceled_and_made_again()
    {
        (PipeStream reader, PipeStream writer) = Pipe();
        await using (reader)
        await using (writer)
        {
            byte[] buffer = new byte[10];
            using CancellationTokenSource cancel = new();
            ValueTask<int> read = reader.ReadAsync(buffer, cancel.Token);
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await read);

            ValueTask<int> again = reader.ReadAsync(buffer, TestContext.Current.CancellationToken);
            writer.Write("x"u8);
            Assert.Equal(1, await again);
        }
    }

    [Fact]
    public async Task Read_that_waits_ends_when_the_stream_is_disposed()
    {
        (PipeStream reader, PipeStream writer) = Pipe();
        await using (writer)
        {
            ValueTask<int> read = reader.ReadAsync(new byte[1], TestContext.Current.CancellationToken);
            await reader.DisposeAsync();
            await Assert.ThrowsAsync<ObjectDisposedException>(async () => await read);
        }
    }

    [Fact]
    public void Write_to_a_pipe_nobody_reads_is_an_error()
    {
        (PipeStream reader, PipeStream writer) = Pipe();
        reader.Dispose();
        using (writer)
        {
            IOException error = Assert.Throws<IOException>(() => writer.Write("x"u8));
            Assert.Equal(Errno.EPIPE, Assert.IsType<KernelException>(error.InnerException).Errno);
        }
    }

    private static unsafe (PipeStream Reader, PipeStream Writer) Pipe()
    {
        int* ends = stackalloc int[2];
        Kernel.Check(Kernel.pipe2(ends, Kernel.O_NONBLOCK), "pipe2");
        return (new PipeStream(ends[0], reads: true), new PipeStream(ends[1], reads: false));
    }
}
