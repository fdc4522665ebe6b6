using Containers.Native;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Netlink;

public sealed class NetlinkSocketTests : IClassFixture<HostState>
{
    private const ushort RTM_NEWLINK = 16, RTM_GETLINK = 18, RTM_DELLINK = 17, IFLA_IFNAME = 3;

    [Fact]
    public void Dump_of_links_has_lo()
    {
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Route);
        NetlinkMessages messages = new();
        messages.Begin(RTM_GETLINK, NetlinkMessages.NLM_F_DUMP, "list links");
        messages.Header(default(Header16));
        messages.End();
        List<string> names = [];

        socket.Dump(messages, (type, payload) =>
        {
            Assert.Equal(RTM_NEWLINK, type);
            names.Add(new NetlinkAttribute(IFLA_IFNAME, NetlinkAttributes.Find(payload[16..], IFLA_IFNAME)).Text);
        }, names.Clear);

        Assert.Contains("lo", names);
    }

    [Fact]
    public void Refusal_has_the_operation_the_errno_and_the_kernels_sentence()
    {
        Requires.OwnNetwork();
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Route);
        NetlinkMessages messages = new();
        messages.Begin(RTM_NEWLINK, NetlinkMessages.NLM_F_ACK | NetlinkMessages.NLM_F_CREATE | NetlinkMessages.NLM_F_EXCL, "add link", "x");
        messages.Header(default(Header16));
        messages.Text(IFLA_IFNAME, "x");
        using (messages.Nest(18 /* IFLA_LINKINFO */))
        {
            messages.Text(1 /* IFLA_INFO_KIND */, "nonsense");
        }

        messages.End();

        NetlinkException error = Assert.Throws<NetlinkException>(() => socket.Transact(messages));

        Assert.Equal(Errno.EOPNOTSUPP, error.Errno);
        Assert.Equal("Unknown device type", error.KernelMessage);
        Assert.StartsWith("add link \"x\": EOPNOTSUPP", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_many_messages_the_first_that_failed_is_told_and_the_next_request_is_not_disturbed()
    {
        Requires.OwnNetwork();
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Route);
        NetlinkMessages messages = new();
        for (int i = 0; i < 3; i++)
        {
            messages.Begin(RTM_DELLINK, NetlinkMessages.NLM_F_ACK, "delete link", $"missing{i}");
            messages.Header(default(Header16));
            messages.Text(IFLA_IFNAME, $"missing{i}");
            messages.End();
        }

        Assert.Equal("missing0", Assert.Throws<NetlinkException>(() => socket.Transact(messages)).Operand);
        Assert.Equal("missing0", Assert.Throws<NetlinkException>(() => socket.Transact(messages)).Operand);
    }

    [Fact]
    public void Socket_opened_in_another_namespace_stays_there()
    {
        Requires.OwnNetwork();
        using NamespaceHandle here = NamespaceHandle.Open(Environment.ProcessId, "net");
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Route, here);
        Assert.False(socket.IsInvalid);
    }

    private readonly record struct Header16(long First, long Second); // as long as struct ifinfomsg
}
