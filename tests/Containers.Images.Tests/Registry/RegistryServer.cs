using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Containers.Tests.Images.Registry;

/// <summary>Debian's docker-registry on the loopback, with its blobs in a directory of its own.</summary>
internal sealed class RegistryServer : IDisposable
{
    private readonly Process _process;
    private readonly TestDirectory _directory = new();
    private readonly StringBuilder _log = new();
    private readonly Task _reading;
    private readonly string _scheme;

    /// <param name="http">Lines of its configuration below http:, such as tls.</param>
    /// <param name="auth">Lines of its configuration at the top, such as auth.</param>
    public RegistryServer(string http = "", string auth = "")
    {
        Requires.Tools("docker-registry");
        Port = FreePort();
        _scheme = http.Contains("tls", StringComparison.Ordinal) ? "https" : "http";
        File.WriteAllText(_directory["config.yml"], $"""
            version: 0.1
            log:
              accesslog: {"{"} disabled: false {"}"}
              level: info
            storage:
              filesystem:
                rootdirectory: {_directory["data"]}
              delete:
                enabled: true
            http:
              addr: 127.0.0.1:{Port}
              secret: x
            {Indent(http, "  ")}
            {auth}
            """);
        _process = Process.Start(new ProcessStartInfo(Requires.Find("docker-registry")!, ["serve", _directory["config.yml"]]) { RedirectStandardError = true, RedirectStandardOutput = true, Environment = { ["OTEL_TRACES_EXPORTER"] = "none" } })!;
        TaskCompletionSource listening = new();
        _reading = Task.WhenAll(Follow(_process.StandardError), Follow(_process.StandardOutput));
        Assert.True(listening.Task.Wait(TimeSpan.FromSeconds(60)), "docker-registry does not listen:\n" + Log);

        async Task Follow(StreamReader reader)
        {
            while (await reader.ReadLineAsync() is { } line)
            {
                lock (_log)
                {
                    _log.AppendLine(line);
                }

                if (line.Contains("listening on", StringComparison.Ordinal))
                {
                    listening.TrySetResult();
                }
            }
        }
    }

    public int Port { get; }

    /// <summary>localhost:PORT, as in names of images.</summary>
    public string Name => $"localhost:{Port}";

    /// <summary>What it has written: its requests, among others.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>How many requests it has answered whose line has all of these words.</summary>
    public int Requests(params string[] words)
    {
        // A request's line is written after its answer: that of a request which nobody else makes comes after those before.
        string marker = $"/marker-{Guid.NewGuid():N}";
        using (HttpClient client = new(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true }))
        {
            using HttpResponseMessage _ = client.GetAsync($"{_scheme}://localhost:{Port}{marker}").Result;
        }

        Assert.True(SpinWait.SpinUntil(() => Log.Contains(marker, StringComparison.Ordinal), TimeSpan.FromSeconds(30)));
        return Count(words);
    }

    private int Count(string[] words) => Log.Split('\n').Count(line => line.Contains("HTTP/1.1\"", StringComparison.Ordinal) && !line.Contains("/marker-", StringComparison.Ordinal) && words.All(word => line.Contains(word, StringComparison.Ordinal)));

    /// <summary>Has it have an image.</summary>
    public void Push(string source, string name, params string[] options) => SampleImage.Skopeo(["copy", "-q", "--dest-tls-verify=false", .. options, source, $"docker://{Name}/{name}"]);

    public static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _reading.Wait();
        _process.StandardError.Dispose();
        _process.StandardOutput.Dispose();
        _process.Dispose();
        _directory.Dispose();
    }

    private static string Indent(string text, string by) => string.Join('\n', text.Split('\n').Select(line => by + line));
}
