using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Containers.Tests.Images.Registry;

/// <summary>What is done to one connection of a <see cref="TestProxy"/>, on the way from the server to the client.</summary>
internal sealed record Fault
{
    /// <summary>After so many bytes the connection is reset.</summary>
    public long? ResetAfter { get; init; }

    /// <summary>After so many bytes the connection is closed in peace, as if that were all.</summary>
    public long? CloseAfter { get; init; }

    /// <summary>After so many bytes nothing comes any more, and nothing is closed.</summary>
    public long? StallAfter { get; init; }

    /// <summary>The byte at this place is another.</summary>
    public long? CorruptAt { get; init; }

    /// <summary>One byte of so many is another.</summary>
    public long? CorruptEvery { get; init; }

    /// <summary>Before each piece.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The client's wish for a range does not arrive.</summary>
    public bool WithoutRange { get; init; }
}

/// <summary>A proxy of TCP before a registry, on the loopback: it passes on, or spoils, or answers requests itself.</summary>
internal sealed class TestProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int? _target;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _tasks = [];
    private readonly Task _accepting;
    private int _count;

    /// <param name="target">The server's port; null when there is none and all is answered here.</param>
    public TestProxy(int? target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Name => $"localhost:{Port}";

    /// <summary>What is done to a connection, by its number from 0; null for nothing.</summary>
    public Func<int, Fault?> Faults { get; set; } = _ => null;

    /// <summary>An answer to a request's head in place of the server's, complete with its head; null to pass the request on.</summary>
    public Func<string, byte[]?> Answer { get; set; } = _ => null;

    /// <summary>The heads of all requests.</summary>
    public ConcurrentQueue<string> Heads { get; } = [];

    public int Connections => _count;

    public static byte[] Reply(string status, string headers = "", byte[]? body = null)
        => [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {body?.Length ?? 0}\r\n{headers}\r\n"), .. body ?? []];

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        Task.WaitAll([_accepting, .. _tasks]);
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptSocketAsync(_stop.Token);
                _tasks.Add(ServeAsync(client, Faults(_count++) ?? new Fault()));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // stopped
        }
    }

    private async Task ServeAsync(Socket client, Fault fault)
    {
        using Socket accepted = client;
        using Socket server = new(SocketType.Stream, ProtocolType.Tcp);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        try
        {
            if (_target is { } port)
            {
                await server.ConnectAsync(IPAddress.Loopback, port, end.Token);
                await Task.WhenAny(UpAsync(client, server, fault, end.Token), DownAsync(server, client, fault, end.Token));
            }
            else
            {
                await UpAsync(client, null, fault, end.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }

        await end.CancelAsync();
    }

    private async Task UpAsync(Socket client, Socket? server, Fault fault, CancellationToken cancellation)
    {
        byte[] buffer = new byte[64 << 10];
        for (int count; (count = await client.ReceiveAsync(buffer, cancellation)) > 0;)
        {
            string text = Encoding.Latin1.GetString(buffer, 0, count);
            if (text.Contains(" HTTP/1.1\r\n", StringComparison.Ordinal)) // .NET sends a head in one piece
            {
                Heads.Enqueue(text.Split("\r\n\r\n")[0]);
                if (Answer(text) is { } answer)
                {
                    await client.SendAsync(answer, cancellation);
                    continue;
                }

                if (fault.WithoutRange)
                {
                    buffer = Encoding.Latin1.GetBytes(text.Replace("\r\nRange:", "\r\nXange:", StringComparison.Ordinal));
                }
            }

            else if (server is null)
            {
                await client.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.0 400 Bad Request\r\n\r\n"), cancellation); // TLS was tried, and a server says that it does not speak it
                return;
            }

            if (server is not null)
            {
                await SendAllAsync(server, buffer.AsMemory(0, count), cancellation);
            }
        }
    }

    private static async Task DownAsync(Socket server, Socket client, Fault fault, CancellationToken cancellation)
    {
        byte[] buffer = new byte[16 << 10];
        long total = 0;
        long end = fault.ResetAfter ?? fault.CloseAfter ?? fault.StallAfter ?? long.MaxValue;
        for (int count; (count = await server.ReceiveAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, Math.Max(1, end - total))), cancellation)) > 0;)
        {
            if (fault.CorruptAt is { } at && at >= total && at < total + count)
            {
                buffer[at - total] ^= 0x55;
            }

            if (fault.CorruptEvery is { } every && total / every != (total + count) / every)
            {
                buffer[count - 1] ^= 0x55;
            }

            if (fault.Delay > TimeSpan.Zero)
            {
                await Task.Delay(fault.Delay, cancellation);
            }

            await SendAllAsync(client, buffer.AsMemory(0, count), cancellation);
            total += count;
            if (total >= end)
            {
                if (fault.StallAfter is not null)
                {
                    await Task.Delay(Timeout.Infinite, cancellation);
                }

                if (fault.ResetAfter is not null)
                {
                    client.LingerState = new LingerOption(true, 0);
                }

                return;
            }
        }
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes[sent..], cancellation);
        }
    }
}
