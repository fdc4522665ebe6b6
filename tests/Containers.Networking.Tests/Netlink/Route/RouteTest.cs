using Containers.Native;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Netlink.Route;

/// <summary>What tests of route messages share: a socket, and links that are deleted afterwards.</summary>
public abstract class RouteTest : IClassFixture<HostState>, IDisposable
{
    private readonly HashSet<int> _before;

    protected RouteTest()
    {
        Requires.OwnNetwork();
        Requires.Tools("ip", "bridge", "tc");
        Socket = RouteSocket.Open();
        _before = [.. Socket.GetLinks().Select(link => link.Index)];
    }

    private protected RouteSocket Socket { get; }

    public void Dispose()
    {
        foreach (LinkInfo link in Socket.GetLinks().Where(link => !_before.Contains(link.Index)))
        {
            Socket.TryTransact(Written(messages => messages.DeleteLink(link.Index))); // the peer may have gone with the one before
        }

        Socket.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static NetlinkMessages Written(Action<NetlinkMessages> write)
    {
        NetlinkMessages messages = new();
        write(messages);
        return messages;
    }

    private protected LinkInfo Link(string name) => Socket.TryGetLink(name) ?? throw new InvalidOperationException($"there is no link {name}");

    /// <summary>A veth pair whose both ends are up, here.</summary>
    private protected (LinkInfo A, LinkInfo B) Pair(string a = "a0", string b = "b0")
    {
        Socket.Transact(messages =>
        {
            messages.AddVeth(a, b, null, new VethSettings { Up = true });
            messages.SetLink(0, new LinkChange { Up = true }, b);
        });
        return (Link(a), Link(b));
    }

    /// <summary>Asks the kernel for something that it may not have; where it lacks it, the error has to say what is missing, and the test is skipped.</summary>
    private protected void TransactIfKernelHas(string feature, Action<NetlinkMessages> write)
    {
        if (Socket.TryTransact(Written(write)) is { } failure)
        {
            Assert.True(failure.Errno is Errno.EOPNOTSUPP or Errno.ENOENT, failure.Message);
            Assert.Contains(feature, failure.Hint, StringComparison.Ordinal);
            Assert.Skip($"this kernel lacks {feature}, and the error says so");
        }
    }
}
