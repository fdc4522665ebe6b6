using System.Diagnostics;
using Xunit;

namespace Containers.Tests.Names;

/// <summary>A name server that others wrote, on loopback of this network namespace: it knows example and nothing else.</summary>
internal sealed class Dnsmasq : IDisposable
{
    private readonly Process _process;

    public Dnsmasq(string address = "127.0.0.1")
    {
        Requires.Tools("dnsmasq");
        ProcessStartInfo start = new(Requires.Find("dnsmasq")!,
        [
            "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--log-facility=-", "--edns-packet-max=4096",
            $"--listen-address={address}", "--bind-interfaces", "--local=/example/", "--local=/arpa/",
            "--host-record=outside.example,192.0.2.7,2001:db8::7", "--ptr-record=9.2.0.192.in-addr.arpa,nine.example",
            .. Enumerable.Range(0, 100).Select(i => $"--address=/many.example/192.0.2.{i}"),
            "--txt-record=large.example," + string.Join(',', Enumerable.Repeat(new string('x', 200), 15)),
        ])
        { RedirectStandardError = true };
        _process = Process.Start(start)!;
        string heard = "";
        while (_process.StandardError.ReadLine() is { } line)
        {
            heard += line + "\n";
            if (line.Contains("started, version", StringComparison.Ordinal)) // its sockets are open by then
            {
                _ = _process.StandardError.ReadToEndAsync(); // so that it is never held up by what it writes
                return;
            }
        }

        Dispose();
        Assert.Fail($"dnsmasq does not start: {heard}");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
