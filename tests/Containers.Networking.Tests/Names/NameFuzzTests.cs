using System.Net;
using Containers.Networking;
using CsCheck;
using Xunit;

namespace Containers.Tests.Names;

/// <summary>
/// Queries with bytes changed, cut and added: whatever comes, the answer is well-formed, goes with the query, and makes no
/// flood of a drop. CsCheck_Seed and CsCheck_Time repeat and prolong it.
/// </summary>
public sealed class NameFuzzTests
{
    private const int Iterations = 200_000;

    private static readonly byte[][] s_seeds =
    [
        DnsQuery.Of("db", DnsQuery.A),
        DnsQuery.Of("many", DnsQuery.A, options: 1232),
        DnsQuery.Of("outside.example", DnsQuery.AAAA, options: 4096),
        DnsQuery.Of("5.0.30.172.in-addr.arpa", DnsQuery.PTR),
        [.. DnsQuery.Of("db", DnsQuery.A, options: 512)[..^2], 0, 4, 0, 10, 0, 0],
        [],
    ];

    private static readonly Gen<byte[]> s_message = Gen.Select(Gen.Int[0, s_seeds.Length - 1], Gen.Select(Gen.Int[0, 3], Gen.Int[0, 600], Gen.Byte).Array[0, 6])
        .Select((seed, mutations) => Mutate(s_seeds[seed], mutations));

    [Fact]
    public void No_message_does_more_than_be_answered()
    {
        NameAnswers answers = new(new TestNames());
        IPAddress asker = IPAddress.Parse("172.30.0.2");
        int found = 0;
        Gen.Select(s_message, Gen.Bool).Sample((message, tcp) =>
        {
            NameAnswer answer = answers.To(message, asker, tcp);
            if (answer.Forward is { } forward)
            {
                Assert.Null(answer.Reply);
                Assert.InRange(forward.QuestionEnd, 12 + 5, message.Length);
                Assert.InRange(forward.Limit, 512, tcp ? 65535 : 4096);
                byte[] failure = NameAnswers.Failure(message);
                Assert.InRange(failure.Length, 12, message.Length);
                return;
            }

            if (answer.Reply is not { } reply)
            {
                Assert.True(message.Length < 12 || (message[2] & 0x80) != 0);
                return;
            }

            Assert.Equal(message.AsSpan(0, 2).ToArray(), reply[..2]);
            Assert.Equal(0x80, reply[2] & 0x80);
            Assert.InRange(reply.Length, 12, tcp ? 65535 : 1232);
            if (DnsQuery.Answers(reply) == 0)
            {
                Assert.InRange(reply.Length, 12, message.Length);
            }
            else
            {
                found++;
            }
        }, iter: Iterations, threads: 1);

        Assert.InRange(found, Iterations / 100, int.MaxValue); // a good part still ask for something
    }

    [Fact]
    public void Answers_to_changed_queries_are_well_formed_to_tshark()
    {
        NameAnswers answers = new(new TestNames());
        List<byte[]> replies = [];
        s_message.Sample(message =>
        {
            if (answers.To(message, IPAddress.Parse("172.30.0.2"), tcp: false).Reply is { } reply && (reply[2] & 0x78) == 0)
            {
                replies.Add(reply);
            }
        }, iter: 3000, threads: 1);

        Assert.Equal(replies.Count, Wireshark.Fields(replies, "dns.id").Length);
    }

    private static byte[] Mutate(byte[] seed, (int Kind, int At, byte Value)[] mutations)
    {
        List<byte> bytes = [.. seed];
        foreach ((int kind, int at, byte value) in mutations)
        {
            int place = at % (bytes.Count + 1);
            switch (kind)
            {
                case 0 when place < bytes.Count:
                    bytes[place] = value;
                    break;
                case 1:
                    bytes.Insert(place, value);
                    break;
                case 2:
                    bytes.RemoveRange(place, Math.Min(bytes.Count - place, value % 8));
                    break;
                case 3:
                    bytes.AddRange(Enumerable.Repeat(value, at));
                    break;
            }
        }

        return [.. bytes];
    }
}
