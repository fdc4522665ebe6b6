using System.Collections.Concurrent;
using System.Net;
using Containers.Native;

namespace Containers.Networking;

/// <summary>
/// Passes queries on to other servers, byte for byte, and their answers back: what the records mean is between the two
/// ends. Servers are asked one after the other as resolv.conf(5) says, but an answer that comes late still counts.
/// </summary>
/// <param name="networkNamespace">Where servers are asked from; null for this process's own.</param>
/// <param name="host">The servers of the host.</param>
internal sealed class NameForwarder(NamespaceHandle? networkNamespace, HostResolvers host)
{
    // For so long a server that did not answer is asked after the others.
    private const long SilenceMilliseconds = 30_000;

    private static readonly TimeSpan s_leastPatience = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<IPEndPoint, long> _silent = new();
    private uint _turn;

    /// <summary>Asks until someone answers.</summary>
    /// <param name="query">The query, and what its answer has to fit.</param>
    /// <param name="servers">Whom to ask; null for the host's.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>The answer, with the id of the query; null when nobody gave one.</returns>
    public async Task<byte[]?> AskAsync(ForwardedQuery query, IReadOnlyList<IPEndPoint>? servers, CancellationToken stop)
    {
        (ResolvConf how, IReadOnlyList<IPEndPoint> hosts) = host.Current;
        IPEndPoint[] order = Order(servers ?? hosts, how.Rotate);
        if (order.Length == 0)
        {
            return null;
        }

        // Whoever asks us waits no longer for us than for one server: the time is for all of them together.
        TimeSpan patience = TimeSpan.FromTicks(Math.Max(s_leastPatience.Ticks, how.Timeout.Ticks / order.Length));
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        List<Task<Outcome>> asked = [];
        HashSet<IPEndPoint> useless = [];
        byte[]? refusal = null;
        try
        {
            foreach (IPEndPoint server in Enumerable.Repeat(order, how.Attempts).SelectMany(servers => servers))
            {
                if (stop.IsCancellationRequested || useless.Contains(server))
                {
                    continue;
                }

                asked.Add(ExchangeAsync(query, server, over.Token));
                Task delay = Task.Delay(patience, over.Token);
                while (!useless.Contains(server)) // and when it is, there is the next one, now
                {
                    Task first = await Task.WhenAny([.. asked, delay]).ConfigureAwait(false);
                    if (first == delay)
                    {
                        _silent[server] = Environment.TickCount64;
                        break;
                    }

                    Outcome outcome = await ((Task<Outcome>)first).ConfigureAwait(false);
                    asked.Remove((Task<Outcome>)first);
                    if (outcome.Reply is not null && !IsRefusal(outcome.Reply))
                    {
                        _silent.TryRemove(outcome.Server, out _);
                        return outcome.Reply;
                    }

                    refusal ??= outcome.Reply;
                    useless.Add(outcome.Server);
                }
            }

            return refusal;
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
        }
    }

    private readonly record struct Outcome(IPEndPoint Server, byte[]? Reply);

    private async Task<Outcome> ExchangeAsync(ForwardedQuery query, IPEndPoint server, CancellationToken stop)
        => new(server, await (query.Tcp
            ? NameExchange.TcpAsync(networkNamespace, query, server, stop)
            : NameExchange.UdpAsync(networkNamespace, query, server, stop)).ConfigureAwait(false));

    // What a C library would try the next server after.
    private static bool IsRefusal(byte[] reply)
        => (ResponseCode)(reply[3] & MessageFlags.Code) is ResponseCode.ServerFailure or ResponseCode.NotImplemented or ResponseCode.Refused;

    private IPEndPoint[] Order(IReadOnlyList<IPEndPoint> servers, bool rotate)
    {
        int first = rotate ? (int)(Interlocked.Increment(ref _turn) % Math.Max(1, servers.Count)) : 0;
        return [.. servers.Skip(first).Concat(servers.Take(first)).OrderBy(IsSilent)]; // stable: those alike stay in their order
    }

    private bool IsSilent(IPEndPoint server)
        => _silent.TryGetValue(server, out long since) && Environment.TickCount64 - since < SilenceMilliseconds;
}
