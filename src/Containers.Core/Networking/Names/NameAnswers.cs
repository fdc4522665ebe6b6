using System.Net;

namespace Containers.Networking;

/// <summary>What becomes of a query: it is answered, passed on, or not answered at all.</summary>
/// <param name="Reply">The answer; null when it is passed on, or left alone.</param>
/// <param name="Forward">What is passed on.</param>
/// <param name="Servers">To whom; null for the servers of the host.</param>
internal readonly record struct NameAnswer(byte[]? Reply, ForwardedQuery? Forward = null, IReadOnlyList<IPEndPoint>? Servers = null);

/// <summary>Which answer a query is given. Nothing here waits or talks to anyone.</summary>
internal sealed class NameAnswers(INameSource names)
{
    private const ushort InClass = 1;
    private const int LargestForwarded = 4096; // what servers send at most, and clients that ask for more expect

    public NameAnswer To(ReadOnlySpan<byte> message, IPAddress asker, bool tcp)
    {
        if (!NameQuery.IsQuery(message))
        {
            return default;
        }

        ResponseCode problem = NameQuery.Read(message, out NameQuery query);
        if (problem != ResponseCode.NoError)
        {
            return new NameAnswer(NameReply.Bare(message, problem));
        }

        try
        {
            int udp = query.Options.UdpSize;
            return Find(query, asker, tcp ? NameReply.LargestTcp : Math.Min(udp, NameReply.LargestUdp)) is { } reply
                ? new NameAnswer(reply)
                : new NameAnswer(null, new ForwardedQuery(message.ToArray(), query.QuestionEnd, tcp ? NameReply.LargestTcp : Math.Min(udp, LargestForwarded), tcp), names.Resolvers(asker));
        }
#pragma warning disable CA1031 // a source that fails in any way is a server that fails; the next query is answered again
        catch (Exception)
#pragma warning restore CA1031
        {
            return new NameAnswer(NameReply.Empty(query, ResponseCode.ServerFailure));
        }
    }

    /// <summary>The answer to a query that was passed on to someone who did not give one.</summary>
    public static byte[] Failure(ReadOnlySpan<byte> message)
    {
        ResponseCode problem = NameQuery.Read(message, out NameQuery query);
        return problem == ResponseCode.NoError ? NameReply.Empty(query, ResponseCode.ServerFailure) : NameReply.Bare(message, problem);
    }

    /// <returns>Null when it is to be passed on.</returns>
    private byte[]? Find(in NameQuery query, IPAddress asker, int limit)
    {
        if (query.Options.Version != 0)
        {
            return NameReply.Empty(query, ResponseCode.BadVersion);
        }

        if (query.Class is not (InClass or RecordType.ANY) || query.Type is RecordType.AXFR or RecordType.IXFR)
        {
            return NameReply.Empty(query, ResponseCode.Refused);
        }

        if (query.Name is not null)
        {
            if (query.Type is RecordType.PTR or RecordType.ANY && ReverseName.Parse(query.Name) is { } address && names.FindName(address, asker) is { } name)
            {
                return NameReply.Pointer(query, name, limit);
            }

            if (names.Find(query.Name, asker) is { } addresses)
            {
                // Of a type that our names have nothing of there is nothing, which is not to say that there is no such name.
                return NameReply.Addresses(query, addresses, limit);
            }
        }

        // Not NXDOMAIN: that the name does not exist is more than is known here, and would be remembered. On SERVFAIL
        // glibc goes on with the next search domain, which it does not after REFUSED; musl takes neither for an answer.
        return names.Forwards(asker) ? null : NameReply.Empty(query, ResponseCode.ServerFailure);
    }
}
