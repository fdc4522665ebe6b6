using System.Net;
using Containers.Networking;
using Xunit;

namespace Containers.Tests.Names;

public sealed class ResolvConfTests
{
    [Fact]
    public void All_that_the_manual_names_is_read()
    {
        ResolvConf read = ResolvConf.Parse("""
            # comment
            ; comment
            domain old.example
            search corp.example	lab.example
            nameserver 127.0.0.53
            nameserver   fd00::53
            options ndots:2 timeout:3
            options attempts:4 rotate edns0
            sortlist 130.155.160.0
            """);

        Assert.Equal([IPAddress.Parse("127.0.0.53"), IPAddress.Parse("fd00::53")], read.Nameservers);
        Assert.Equal(["corp.example", "lab.example"], read.Search);
        Assert.Equal(["ndots:2", "timeout:3", "attempts:4", "rotate", "edns0"], read.Options);
        Assert.Equal((TimeSpan.FromSeconds(3), 4, true), (read.Timeout, read.Attempts, read.Rotate));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nameserver\nnameserver nonsense\nsearch\noptions\nwhat is this")]
    [InlineData("\r\n\r\n")]
    public void Without_a_server_it_is_this_host_that_is_asked(string text)
    {
        ResolvConf read = ResolvConf.Parse(text);

        Assert.Equal([IPAddress.Loopback], read.Nameservers);
        Assert.Empty(read.Search);
        Assert.Equal((TimeSpan.FromSeconds(5), 2, false), (read.Timeout, read.Attempts, read.Rotate));
    }

    [Fact]
    public void Missing_file_is_an_empty_one()
        => Assert.Equal([IPAddress.Loopback], ResolvConf.Read("/nonexistent/resolv.conf").Nameservers);

    [Theory]
    [InlineData("options timeout:0 attempts:0", 1, 1)]
    [InlineData("options timeout:999 attempts:999", 30, 5)]
    [InlineData("options timeout:x attempts:-1", 5, 2)]
    [InlineData("options timeout:2\noptions timeout:7", 7, 2)]
    public void Numbers_are_bounded_as_the_c_library_bounds_them(string text, int timeout, int attempts)
        => Assert.Equal((TimeSpan.FromSeconds(timeout), attempts), (ResolvConf.Parse(text).Timeout, ResolvConf.Parse(text).Attempts));

    [Fact]
    public void Three_servers_count()
        => Assert.Equal(3, ResolvConf.Parse(string.Concat(Enumerable.Range(1, 9).Select(i => $"nameserver 192.0.2.{i}\n"))).Nameservers.Count);

    [Fact]
    public void Container_has_the_gateways_and_the_rest_of_the_hosts()
    {
        ResolvConf host = ResolvConf.Parse("nameserver 127.0.0.53\nsearch corp.example\noptions ndots:2\n");

        Assert.Equal("nameserver 172.30.0.1\nnameserver fd00:30::1\nsearch corp.example\noptions ndots:2\n",
            host.ForContainer([IPAddress.Parse("172.30.0.1"), IPAddress.Parse("fd00:30::1")]));
        Assert.Equal("nameserver 172.30.0.1\nsearch own.example\noptions rotate\n",
            host.ForContainer([IPAddress.Parse("172.30.0.1")], ["own.example"], ["rotate"]));
        Assert.Equal("nameserver 172.30.0.1\n", host.ForContainer([IPAddress.Parse("172.30.0.1")], [], []));
    }

    [Fact]
    public void On_an_isolated_network_short_names_are_not_tried_in_the_hosts_domains()
        => Assert.Equal("nameserver 172.30.0.1\n", ResolvConf.Parse("search corp.example").ForContainer([IPAddress.Parse("172.30.0.1")], forwards: false));
}
