using System.Net;
using System.Net.Sockets;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>
/// The name server of a network: answers for its containers, and passes all else on to the resolvers of the host, or to
/// those that a container was given. It asks them from the host's side, so that resolvers on the host's loopback
/// (127.0.0.53 of systemd, dnsmasq) work for containers that could not reach them.
/// </summary>
/// <remarks>
/// It listens at one port for UDP and TCP, which is not 53: another host process may serve the same network, and a host
/// may have a name server of its own there. A rule sends what containers ask the bridge's port 53 here.
/// </remarks>
internal sealed class NameResponder : IDisposable
{
    private const int LongestDatagram = 4096, Backlog = 64, PortTries = 32;

    // What is passed on has a socket each while it waits.
    private readonly AskerLimit _forwards = new(all: 512, each: 64);
    private readonly AskerLimit _connections = new(all: 128, each: 16);

    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(10), s_pause = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _stop = new();
    private readonly NameAnswers _answers;
    private readonly NameForwarder _forwarder;
    private readonly Socket _udp, _tcp;

    private NameResponder(Socket udp, Socket tcp, INameSource names, NameForwarder forwarder)
    {
        (_udp, _tcp, _forwarder) = (udp, tcp, forwarder);
        _answers = new NameAnswers(names);
        Port = ((IPEndPoint)udp.LocalEndPoint!).Port;
    }

    /// <summary>The port, for UDP and TCP.</summary>
    public int Port { get; }

    /// <summary>Starts a server. It answers when this returns.</summary>
    /// <param name="networkNamespace">Where it listens and where it asks others from; null for this process's own. Has to stay open for as long as the server.</param>
    /// <param name="address">Where it listens: the bridge's own address.</param>
    /// <param name="names">What it knows.</param>
    /// <param name="resolvConf">Where the host says whom it asks.</param>
    /// <exception cref="ContainerException">The address is not there to listen at.</exception>
    public static NameResponder Start(NamespaceHandle? networkNamespace, IPAddress address, INameSource names, string resolvConf = "/etc/resolv.conf")
    {
        (Socket udp, Socket tcp) = NamespaceThread.Run(networkNamespace, () => Listen(address));
        NameResponder responder = new(udp, tcp, names, new NameForwarder(networkNamespace, new HostResolvers(resolvConf)));
        _ = Task.Run(responder.ServeDatagramsAsync);
        _ = Task.Run(responder.ServeConnectionsAsync);
        return responder;
    }

    /// <summary>Stops it. Queries that are under way are not answered any more.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _udp.Dispose();
        _tcp.Dispose();
    }

    // The kernel chooses a port that is free for UDP. That it is taken for TCP is rare, and then it chooses again.
    private static (Socket Udp, Socket Tcp) Listen(IPAddress address)
    {
        for (int i = 0; ; i++)
        {
            Socket udp = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            Socket tcp = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                udp.Bind(new IPEndPoint(address, 0));
                tcp.Bind(udp.LocalEndPoint!);
                tcp.Listen(Backlog);
                return (udp, tcp);
            }
            catch (SocketException e)
            {
                udp.Dispose();
                tcp.Dispose();
                if (e.SocketErrorCode != SocketError.AddressAlreadyInUse || i == PortTries)
                {
                    throw new ContainerException($"listen for names at {address}: {e.Message}.", innerException: e);
                }
            }
        }
    }

    private async Task ServeDatagramsAsync()
    {
        byte[] buffer = new byte[LongestDatagram];
        IPEndPoint anyone = new(_udp.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!_stop.IsCancellationRequested)
        {
            SocketAddress from = new(_udp.AddressFamily);
            try
            {
                int length = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, from, _stop.Token).ConfigureAwait(false);
                IPAddress asker = ((IPEndPoint)anyone.Create(from)).Address;
                NameAnswer answer = _answers.To(buffer.AsSpan(0, length), asker, tcp: false);
                if (answer.Forward is not null)
                {
                    _ = AnswerLaterAsync(answer, asker, from);
                }
                else if (answer.Reply is not null)
                {
                    await SendAsync(answer.Reply, from).ConfigureAwait(false);
                }
            }
            catch (SocketException)
            {
                await PauseAsync().ConfigureAwait(false); // no memory, mostly
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task AnswerLaterAsync(NameAnswer answer, IPAddress asker, SocketAddress from)
    {
        try
        {
            await SendAsync(await ForwardAsync(answer, asker).ConfigureAwait(false), from).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // This server has ended.
        }
    }

    private async Task SendAsync(byte[] reply, SocketAddress to)
    {
        try
        {
            await _udp.SendToAsync(reply, SocketFlags.None, to, _stop.Token).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // Nobody is there, or the address was made up: that is no reason to keep others waiting.
        }
    }

    private async Task<byte[]> ForwardAsync(NameAnswer answer, IPAddress asker)
    {
        ForwardedQuery query = answer.Forward!;
        if (!_forwards.TryEnter(asker))
        {
            return NameAnswers.Failure(query.Message);
        }

        try
        {
            return await _forwarder.AskAsync(query, answer.Servers, _stop.Token).ConfigureAwait(false) ?? NameAnswers.Failure(query.Message);
        }
        finally
        {
            _forwards.Leave(asker);
        }
    }

    private async Task ServeConnectionsAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Socket connection = await _tcp.AcceptAsync(_stop.Token).ConfigureAwait(false);
                _ = ServeConnectionAsync(connection);
            }
            catch (SocketException)
            {
                await PauseAsync().ConfigureAwait(false); // no descriptor left, mostly
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    // One query after the other, as many as the client has.
    private async Task ServeConnectionAsync(Socket connection)
    {
        using Socket socket = connection;
        IPAddress? asker = null;
        try
        {
            IPAddress other = ((IPEndPoint)socket.RemoteEndPoint!).Address;
            if (!_connections.TryEnter(other))
            {
                return;
            }

            asker = other;
            socket.NoDelay = true;
            while (true)
            {
                using CancellationTokenSource idle = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                idle.CancelAfter(s_idle);
                byte[]? message = await TcpMessages.ReceiveAsync(socket, idle.Token).ConfigureAwait(false);
                NameAnswer answer = message is null ? default : _answers.To(message, asker, tcp: true);
                byte[]? reply = answer.Forward is null ? answer.Reply : await ForwardAsync(answer, asker).ConfigureAwait(false);
                if (reply is null)
                {
                    return; // the end, or no query: then this is no client
                }

                idle.CancelAfter(s_idle);
                await TcpMessages.SendAsync(socket, reply, idle.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Closed by either side, or too slow.
        }
        finally
        {
            if (asker is not null)
            {
                _connections.Leave(asker);
            }
        }
    }

    private async Task PauseAsync()
    {
        try
        {
            await Task.Delay(s_pause, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The loop sees it.
        }
    }
}
