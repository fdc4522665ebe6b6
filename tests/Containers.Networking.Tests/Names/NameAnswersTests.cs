using System.Net;
using Containers.Networking;
using Xunit;

namespace Containers.Tests.Names;

public sealed class NameAnswersTests
{
    private static readonly IPAddress s_asker = IPAddress.Parse("172.30.0.2");

    private readonly TestNames _names = new();

    [Fact]
    public void Answers_are_what_tshark_reads_and_nothing_is_wrong_with_them()
    {
        byte[][] replies =
        [
            Reply(DnsQuery.Of("db", DnsQuery.A)),
            Reply(DnsQuery.Of("DB", DnsQuery.AAAA, options: 1200)),
            Reply(DnsQuery.Of("db", DnsQuery.ANY)),
            Reply(DnsQuery.Of("four", DnsQuery.AAAA)),
            Reply(DnsQuery.Of("db", DnsQuery.HTTPS, options: 4096)),
            Reply(DnsQuery.Of("5.0.30.172.in-addr.arpa", DnsQuery.PTR)),
            Reply(DnsQuery.Of("5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.0.0.d.f.ip6.arpa", DnsQuery.PTR)),
        ];

        Assert.Equal(
        [
            "0x1234,db,0,1,172.30.0.5,,,0x8580",
            "0x1234,DB,0,1,,fd00:30::5,,0x8580",
            "0x1234,db,0,2,172.30.0.5,fd00:30::5,,0x8580",
            "0x1234,four,0,0,,,,0x8580",
            "0x1234,db,0,0,,,,0x8580",
            "0x1234,5.0.30.172.in-addr.arpa,0,1,,,db,0x8580",
            "0x1234,5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.0.0.d.f.ip6.arpa,0,1,,,db,0x8580",
        ],
        Wireshark.Fields(replies, "dns.id", "dns.qry.name", "dns.flags.rcode", "dns.count.answers", "dns.a", "dns.aaaa", "dns.ptr.domain_name", "dns.flags")
            .Select(line => line.Replace('\t', ',')));
    }

    [Fact]
    public void Failures_are_what_tshark_reads_and_nothing_is_wrong_with_them()
    {
        _names.IsIsolated = true;
        byte[][] replies =
        [
            Reply(DnsQuery.Of("elsewhere.example", DnsQuery.A)),
            Reply(DnsQuery.Of("elsewhere.example", DnsQuery.A, options: 1200, optionFlags: 0x8000)),
            Reply(DnsQuery.Of("version.bind", DnsQuery.TXT, @class: 3)),
            Reply(DnsQuery.Of("db", DnsQuery.AXFR)),
            Reply(DnsQuery.Of("db", DnsQuery.A, options: 1200, optionFlags: 0x00010000)),
            Reply(DnsQuery.Of("db", DnsQuery.A, flags: 0x1000)),
            Reply([.. DnsQuery.Of("db", DnsQuery.A)[..4], 0, 2, 0, 0, 0, 0, 0, 0]),
            Reply(DnsQuery.Of("broken", DnsQuery.A)),
        ];

        Assert.Equal(
        [
            "2,1,0,0", // SERVFAIL
            "2,1,0,1",
            "5,1,0,0", // REFUSED
            "5,1,0,0",
            "0,1,0,1", // BADVERS: 16, of which the header has four bits
            "4,0,0,0", // NOTIMP
            "1,0,0,0", // FORMERR
            "2,1,0,0",
        ],
        Wireshark.Fields(replies, "dns.flags.rcode", "dns.count.queries", "dns.count.answers", "dns.count.add_rr").Select(line => line.Replace('\t', ',')));
        Assert.Equal([0, 0, 41, 1232 >> 8, 1232 & 255, 1, 0, 0, 0, 0, 0], replies[4][^11..]); // and the OPT record the rest
        Assert.Equal(0x80, replies[1][^4]); // the DO bit comes back
    }

    [Fact]
    public void Asker_and_the_name_in_lower_case_are_what_the_source_is_asked_for()
    {
        Reply(DnsQuery.Of("Db", DnsQuery.A));
        Assert.Equal([("db", s_asker)], _names.Asked);
    }

    [Fact]
    public void What_is_not_ours_is_passed_on_as_it_came()
    {
        byte[] query = DnsQuery.Of("Outside.Example", DnsQuery.TXT, options: 1400);
        _names.Servers = [new IPEndPoint(IPAddress.Loopback, 5353)];

        NameAnswer answer = new NameAnswers(_names).To(query, s_asker, tcp: false);

        Assert.Null(answer.Reply);
        Assert.Equal(query, answer.Forward!.Message);
        Assert.Equal((12 + 17 + 4, 1400, false), (answer.Forward.QuestionEnd, answer.Forward.Limit, answer.Forward.Tcp));
        Assert.Same(_names.Servers, answer.Servers);
    }

    [Theory]
    [InlineData("")] // the root
    [InlineData("d b")]
    [InlineData("d\u00e9")]
    public void Names_that_nobody_here_can_have_are_not_looked_for(string name)
    {
        Assert.NotNull(new NameAnswers(_names).To(DnsQuery.Of(name, DnsQuery.A), s_asker, tcp: false).Forward);
        Assert.Empty(_names.Asked);
    }

    [Fact]
    public void Dot_within_a_label_is_not_one_between_labels()
    {
        byte[] query = DnsQuery.Of("d_b", DnsQuery.A);
        query[14] = (byte)'.';
        _names.Addresses["d.b"] = [s_asker];

        Assert.NotNull(new NameAnswers(_names).To(query, s_asker, tcp: false).Forward);
    }

    [Theory]
    [InlineData(null, 512)]
    [InlineData(100, 512)]
    [InlineData(800, 800)]
    [InlineData(65535, 1232)]
    public void What_is_too_long_for_a_datagram_is_cut_and_says_so(int? size, int limit)
    {
        byte[] cut = Reply(DnsQuery.Of("many", DnsQuery.A, options: (ushort?)size));
        byte[] whole = Reply(DnsQuery.Of("many", DnsQuery.A, options: (ushort?)size), tcp: true);

        Assert.True(DnsQuery.IsTruncated(cut));
        Assert.InRange(cut.Length, limit - 16, limit);
        Assert.False(DnsQuery.IsTruncated(whole));
        Assert.Equal(250, DnsQuery.Answers(whole));
        Assert.Equal([$"{DnsQuery.Answers(cut)}"], Wireshark.Fields([cut], "dns.count.answers"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("1234818000010000000000000264620000010001")] // an answer
    [InlineData("1234018000000000")]
    public void What_is_no_query_is_not_answered(string hex)
        => Assert.Equal(default, new NameAnswers(_names).To(Convert.FromHexString(hex), s_asker, tcp: false));

    [Theory]
    [InlineData("123401000001000000000000")] // no question
    [InlineData("1234010000010000000000000264620000")] // cut
    [InlineData("123401000001000000000000c00c00010001")] // a name that is itself
    [InlineData("1234010000010000000000004064620000010001")] // a label of 64
    [InlineData("1234010000010001000000000264620000010001")] // an answer in a query
    [InlineData("1234010000010000000000010264620000010001")] // a record that is not there
    [InlineData("1234010000010000000000010264620000010001000029020000000000ffff")] // one that is longer than the message
    [InlineData("1234010000010000000000020264620000010001000029020000000000000000002902000000000000 00")] // two OPT
    public void What_cannot_be_read_is_answered_with_a_header(string hex)
    {
        byte[] reply = Reply(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        Assert.Equal((12, 0x8101), (reply.Length, DnsQuery.Flags(reply)));
    }

    private byte[] Reply(byte[] query, bool tcp = false) => new NameAnswers(_names).To(query, s_asker, tcp).Reply!;
}
