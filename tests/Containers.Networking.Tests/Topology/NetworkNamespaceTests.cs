using System.Net;
using System.Net.NetworkInformation;
using Containers.Native.Netlink;
using Containers.Tests.Netlink.Route;
using Xunit;

namespace Containers.Tests.Topology;

public sealed class NetworkNamespaceTests : Lab
{
    [Fact]
    public void New_one_is_another_with_lo_up_and_goes_with_its_object()
    {
        using NetworkNamespace here = NetworkNamespace.Current();
        NetworkNamespace made = NetworkNamespace.Create();

        Assert.NotEqual(here.Inode, made.Inode);
        Assert.Null(made.Name);
        Assert.True(Assert.Single(made.Links()) is { Name: "lo", IsUp: true });
        Assert.Contains($"net:[{made.Inode}]", made.ToString(), StringComparison.Ordinal);
        Assert.Equal($"net:[{here.Inode}]", new FileInfo("/proc/self/ns/net").LinkTarget);

        made.Dispose();
        made.Dispose();
        Assert.Throws<ObjectDisposedException>(() => made.Links());
        Assert.Throws<ObjectDisposedException>(() => made.EnableForwarding());
    }

    [Fact]
    public void Named_one_is_iproute2s_too()
    {
        bool before = Directory.Exists("/run/netns");
        string name = $"containers-test-{Environment.ProcessId}";
        try
        {
            using NetworkNamespace made = NetworkNamespace.Create(name);
            Assert.Contains(name, Tool.Run("ip", "netns", "list").Split('\n').Select(line => line.Split(' ')[0]));
            Assert.Equal(name, made.Name);

            made.AddBridge("br0").AddAddress("10.77.0.1/24");
            Assert.Contains("10.77.0.1/24", Tool.Run("ip", "netns", "exec", name, "ip", "address", "show", "dev", "br0"), StringComparison.Ordinal);

            using NetworkNamespace again = NetworkNamespace.Open(name), byPath = NetworkNamespace.Open($"/run/netns/{name}");
            Assert.Equal((made.Inode, made.Inode), (again.Inode, byPath.Inode));
            Assert.Equal("br0", again.Link("br0").Name);
            KernelException taken = Assert.Throws<KernelException>(() => NetworkNamespace.Create(name));
            Assert.Equal(Errno.EEXIST, taken.Errno);

            NetworkNamespace.Delete(name);
            Assert.DoesNotContain(name, Tool.Run("ip", "netns", "list"), StringComparison.Ordinal);
            Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => NetworkNamespace.Open(name)).Errno);
            Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => NetworkNamespace.Delete(name)).Errno);
            Assert.True(made.Link("br0").IsUp); // it lives on without a name

            File.WriteAllText($"/run/netns/{name}", "");
            Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => NetworkNamespace.Open(name)).Errno); // a file that was left behind
            NetworkNamespace.Delete(name);
        }
        finally
        {
            if (File.Exists($"/run/netns/{name}"))
            {
                NetworkNamespace.Delete(name);
            }

            if (!before)
            {
                Directory.Delete("/run/netns");
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a\0b")]
    public void Name_that_can_be_none_is_refused(string name)
    {
        Assert.Throws<ContainerException>(() => NetworkNamespace.Create(name));
        Assert.Throws<ContainerException>(() => NetworkNamespace.Open(name));
        Assert.Throws<ContainerException>(() => NetworkNamespace.Delete(name));
    }

    [Fact]
    public void One_of_a_process_is_opened_by_its_path_and_another_kind_is_refused()
    {
        using NetworkNamespace here = NetworkNamespace.Current(), opened = NetworkNamespace.Open($"/proc/{Environment.ProcessId}/ns/net");
        Assert.Equal(here.Inode, opened.Inode);
        Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => NetworkNamespace.Open("/proc/self/ns/uts")).Errno);
    }

    [Fact]
    public void Forwarding_is_the_namespaces_own()
    {
        NetworkNamespace made = Namespace();
        string here = File.ReadAllText("/proc/sys/net/ipv4/ip_forward");

        made.EnableForwarding(ipv6: true);

        Assert.Equal("1", NetworkSetting.Read(made.Handle, "ipv4/ip_forward"));
        Assert.Equal("1", NetworkSetting.Read(made.Handle, "ipv6/conf/all/forwarding"));
        Assert.Equal(here, File.ReadAllText("/proc/sys/net/ipv4/ip_forward"));
    }

    [Fact]
    public void Routes_rules_and_neighbours_are_as_ip_tells_them()
    {
        NetworkNamespace a = Namespace(), b = Namespace();
        using VethPair pair = VethPair.Create(a, "eth0", b, "eth0");
        pair.A.AddAddress("10.1.0.2/24");
        pair.A.AddAddress("fd00::2/64");

        a.AddRoute("default", "10.1.0.1");
        a.AddRoute("10.2.0.0/16", link: pair.A);
        a.AddRoute("default", "fd00::1", pair.A);
        a.AddRoute(new NetworkRoute { Destination = IPNetwork.Parse("10.3.0.0/16"), Type = NetworkRouteType.Blackhole, Metric = 9, Table = 300 });
        a.AddRule(new NetworkRule { From = IPNetwork.Parse("10.1.0.0/24"), Table = 300, Priority = 50 });
        a.AddNeighbour(pair.A, "10.1.0.1", PhysicalAddress.Parse("02-00-00-00-00-99"));

        Assert.Contains("default via 10.1.0.1 dev eth0", Inside(a, "ip", "route"), StringComparison.Ordinal);
        Assert.Contains("10.2.0.0/16 dev eth0", Inside(a, "ip", "route"), StringComparison.Ordinal);
        Assert.Contains("default via fd00::1 dev eth0", Inside(a, "ip", "-6", "route"), StringComparison.Ordinal);
        Assert.Contains("blackhole 10.3.0.0/16", Inside(a, "ip", "route", "show", "table", "300"), StringComparison.Ordinal);
        Assert.Contains("50:\tfrom 10.1.0.0/24 lookup 300", Inside(a, "ip", "rule"), StringComparison.Ordinal);
        Assert.Contains("10.1.0.1 dev eth0 lladdr 02:00:00:00:00:99 PERMANENT", Inside(a, "ip", "neighbour"), StringComparison.Ordinal);
        Assert.Contains(a.Routes(), route => route is { Destination.PrefixLength: 0, Link.Name: "eth0" } && route.Gateway!.Equals(IPAddress.Parse("10.1.0.1")));
        Assert.Contains(a.Routes(ipv6: true), route => route.Destination == IPNetwork.Parse("::/0"));

        a.DeleteRoute("default");
        a.DeleteRoute("10.2.0.0/16");
        a.DeleteRoute("default", "fd00::1");
        a.DeleteRule(new NetworkRule { Table = 300 });
        a.DeleteNeighbour(pair.A, "10.1.0.1");
        Assert.DoesNotContain("default", Inside(a, "ip", "route") + Inside(a, "ip", "-6", "route"), StringComparison.Ordinal);
        Assert.DoesNotContain("300", Inside(a, "ip", "rule"), StringComparison.Ordinal);

        Assert.Equal(Errno.ENETUNREACH, Assert.Throws<NetlinkException>(() => a.AddRoute("default", "192.0.2.1")).Errno);
        Assert.Equal(Errno.ESRCH, Assert.Throws<NetlinkException>(() => a.DeleteRoute("default")).Errno);
        Assert.Throws<ContainerException>(() => a.AddRoute("10.2.0.1/16", "10.1.0.1"));
        Assert.Throws<ContainerException>(() => a.AddRoute("anywhere", "10.1.0.1"));
        Assert.Throws<ContainerException>(() => a.AddRoute("10.2.0.0/16", "fd00::1"));
        Assert.Throws<ContainerException>(() => a.AddRoute("default", "10.1"));
    }

    [Fact]
    public void Objects_are_used_by_many_threads_at_once()
    {
        NetworkNamespace[] all = [.. Enumerable.Range(0, 8).Select(_ => Namespace())];
        Parallel.For(0, 64, i =>
        {
            using VethPair pair = VethPair.Create(all[i % 8], $"a{i}", all[(i + 1) % 8], $"b{i}");
            pair.A.AddAddress($"10.{i}.0.1/24");
            Assert.Contains($"10.{i}.0.1/24", pair.A.Addresses());
            Assert.True(pair.B.IsUp);
        });
        Assert.All(all, networkNamespace => Assert.Equal("lo", Assert.Single(networkNamespace.Links()).Name));
    }
}
