using Containers.Images.Registry;
using Xunit;

namespace Containers.Tests.Images.Registry;

/// <summary>Registries and networks that fail, behind a proxy of the test's own.</summary>
[Trait("here", "yes")]
public sealed class FaultTests : IClassFixture<PushedSample>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly PushedSample _server;
    private readonly TestProxy _proxy;
    private readonly ImageStore _store;

    public FaultTests(PushedSample server)
    {
        _server = server;
        server.Push("app:1");
        _proxy = new TestProxy(server.Registry.Port);
        _store = new ImageStore(_directory["store"]) { Registries = new RegistryOptions { StallTimeout = TimeSpan.FromSeconds(1), MaximumRetries = 4 } };
    }

    public void Dispose()
    {
        _proxy.Dispose();
        _directory.Dispose();
    }

    private string Name => $"{_proxy.Name}/app:1";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private async Task<Image> PullWhole(PullOptions? options = null)
    {
        Image image = await _store.PullAsync(Name, options, Cancellation);
        Assert.Equal(_server.Sample.Expected.Id, image.Id);
        SampleImage.AssertSameTree(_directory, _server.Sample.Expected, image);
        AssertNothingIsLeft();
        return image;
    }

    private void AssertNothingIsLeft()
    {
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/partial"]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
    }

    private int Ranges => _proxy.Heads.Count(head => head.Contains("\r\nRange: bytes=", StringComparison.Ordinal));

    [Fact]
    public async Task Connections_that_are_reset_again_and_again_are_resumed_from_the_last_byte()
    {
        _proxy.Faults = _ => new Fault { ResetAfter = 700_000 };
        await PullWhole();
        Assert.True(Ranges >= SampleImage.Bulk / 700_000, $"{Ranges} ranges");
    }

    [Fact]
    public async Task Truncated_answers_are_resumed()
    {
        _proxy.Faults = connection => connection < 8 ? new Fault { CloseAfter = 300_000 } : null; // a pull has fewer, so that the largest layer is on one of them
        await PullWhole();
        Assert.True(Ranges > 0);
    }

    [Fact]
    public async Task Stalled_connection_is_given_up_and_resumed()
    {
        _proxy.Faults = connection => connection < 3 ? new Fault { StallAfter = 500_000 } : null;
        await PullWhole();
        Assert.True(Ranges > 0);
    }

    [Fact]
    public async Task Slow_network_is_waited_for()
    {
        _proxy.Faults = _ => new Fault { Delay = TimeSpan.FromMilliseconds(3) };
        await PullWhole();
    }

    [Fact]
    public async Task Server_that_ignores_ranges_is_read_from_the_beginning()
    {
        _proxy.Faults = connection => new Fault { ResetAfter = connection < 4 ? 600_000 : null, WithoutRange = true };
        await PullWhole();
        Assert.True(Ranges > 0);
    }

    [Fact]
    public async Task Byte_that_was_changed_on_its_way_is_found_and_fetched_again()
    {
        _proxy.Faults = connection => connection == 1 ? new Fault { CorruptAt = 100_000 } : null; // the first asks for TLS in vain
        await PullWhole();
    }

    [Fact]
    public async Task Bytes_that_are_always_changed_are_refused_and_nothing_of_them_is_seen()
    {
        _proxy.Faults = _ => new Fault { CorruptEvery = 200_000 };
        ImageException exception = await Assert.ThrowsAsync<ImageException>(() => _store.PullAsync(Name, cancellationToken: Cancellation));
        Assert.Contains("has the digest", exception.Message, StringComparison.Ordinal);
        string damaged = Assert.Single(_server.Sample.LayerDigests, digest => exception.Message.Contains(digest, StringComparison.Ordinal));
        Assert.Empty(_store.List());
        Assert.False(Directory.Exists($"{_store.Path}/layers/sha256/{_server.Sample.Expected.Layers[Array.IndexOf(_server.Sample.LayerDigests, damaged)].DiffId[7..]}"));
        Assert.False(File.Exists($"{_store.Path}/partial/{damaged[7..]}"));

        _proxy.Faults = _ => null;
        await PullWhole();
    }

    [Fact]
    public async Task Network_that_never_works_is_told_and_leaves_what_has_come_for_the_next_pull()
    {
        _proxy.Faults = _ => new Fault { ResetAfter = 100 };
        RegistryException exception = await Assert.ThrowsAsync<RegistryException>(() => _store.PullAsync(Name, cancellationToken: Cancellation));
        Assert.Contains("could not be reached", exception.Message, StringComparison.Ordinal);

        int bulk = 0;
        // The large layer's first connection gives a part, and no other gives anything.
        _proxy.Answer = head => head.Contains($"/blobs/{_server.Sample.LayerDigests[2]}", StringComparison.Ordinal) && Interlocked.Increment(ref bulk) > 1 ? TestProxy.Reply("404 Not Found") : null;
        _proxy.Faults = _ => new Fault { ResetAfter = 2_000_000 };
        exception = await Assert.ThrowsAsync<RegistryException>(() => _store.PullAsync(Name, cancellationToken: Cancellation)); // what a reset finds in the kernel's buffers is lost
        Assert.Equal(System.Net.HttpStatusCode.NotFound, exception.StatusCode);
        FileInfo partial = new($"{_store.Path}/partial/{_server.Sample.LayerDigests[2][7..]}");
        Assert.InRange(partial.Length, 1, 2_000_000);

        _proxy.Answer = _ => null;
        _proxy.Faults = _ => null;
        _proxy.Heads.Clear();
        await PullWhole();
        Assert.Contains(_proxy.Heads, head => head.Contains($"Range: bytes={partial.Length}-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Cancelled_pull_goes_on_where_it_stopped()
    {
        _proxy.Faults = _ => new Fault { Delay = TimeSpan.FromMilliseconds(5) };
        using CancellationTokenSource cancel = new();
        CancelAt progress = new(cancel, 2_000_000);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _store.PullAsync(Name, new PullOptions { Progress = progress }, cancel.Token));
        Assert.Empty(_store.List());
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
        Assert.NotEmpty(Directory.EnumerateFiles(_directory["store/partial"]));

        _proxy.Faults = _ => null;
        List<string> told = [];
        await PullWhole(new PullOptions { Logger = new ListLogger(told) });
        Assert.Contains(told, line => line.StartsWith("Pulled", StringComparison.Ordinal) && !line.Contains(" 0 were there", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Partial_file_of_wrong_bytes_costs_a_second_try_and_nothing_else()
    {
        Directory.CreateDirectory($"{_store.Path}/partial");
        File.WriteAllBytes($"{_store.Path}/partial/{_server.Sample.LayerDigests[2][7..]}", new byte[1_000_000]); // as after a power failure
        File.WriteAllBytes($"{_store.Path}/partial/{_server.Sample.LayerDigests[0][7..]}", new byte[100_000_000]); // longer than the blob
        await PullWhole();
    }

    [Fact]
    public async Task Partial_files_are_swept_by_their_age_but_not_while_they_are_written()
    {
        string old = $"{_store.Path}/partial/{new string('a', 64)}", young = $"{_store.Path}/partial/{new string('b', 64)}";
        Directory.CreateDirectory($"{_store.Path}/partial");
        File.WriteAllBytes(old, new byte[10]);
        File.WriteAllBytes(young, new byte[20]);
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow - TimeSpan.FromDays(4));
        await _store.PullAsync(Name, cancellationToken: Cancellation);
        Assert.Equal([young], Directory.GetFiles($"{_store.Path}/partial"));

        using (PartialBlob.TryOpen(new Containers.Storage.StoreLayout(_store.Path), "sha256:" + new string('b', 64), 1 << 20))
        {
            Assert.Null(PartialBlob.TryOpen(new Containers.Storage.StoreLayout(_store.Path), "sha256:" + new string('b', 64), 1 << 20));
            Assert.Equal(0, PartialBlob.Sweep(new Containers.Storage.StoreLayout(_store.Path), TimeSpan.Zero));
        }

        Assert.Equal(20, PartialBlob.Sweep(new Containers.Storage.StoreLayout(_store.Path), TimeSpan.Zero));
    }

    [Theory]
    [InlineData("503 Service Unavailable", "")]
    [InlineData("429 Too Many Requests", "Retry-After: 1\r\n")]
    [InlineData("500 Internal Server Error", "")]
    public async Task Registry_that_is_overloaded_for_a_while_is_asked_again(string status, string headers)
    {
        int refusals = 0;
        _proxy.Answer = head => head.StartsWith("GET /v2/app/", StringComparison.Ordinal) && Interlocked.Increment(ref refusals) is 1 or 3 ? TestProxy.Reply(status, headers) : null;
        await PullWhole();
        Assert.True(refusals > 3);
    }

    [Fact]
    public async Task Rate_limit_is_told_with_its_numbers()
    {
        _proxy.Answer = head => head.Contains("/manifests/", StringComparison.Ordinal)
            ? TestProxy.Reply("429 Too Many Requests", "Retry-After: 3600\r\nratelimit-limit: 100;w=21600\r\nratelimit-remaining: 0;w=21600\r\nContent-Type: application/json\r\n",
                """{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"""u8.ToArray())
            : null;
        RegistryException exception = await Assert.ThrowsAsync<RegistryException>(() => _store.PullAsync(Name, cancellationToken: Cancellation));
        Assert.Equal(("TOOMANYREQUESTS", TimeSpan.FromHours(1)), (exception.Code, exception.RetryAfter!.Value));
        Assert.Contains("it allows 100 in 6 hours, 0 are left", exception.Message, StringComparison.Ordinal);
        Assert.Single(_proxy.Heads, head => head.Contains("/manifests/", StringComparison.Ordinal)); // an hour is not waited for
    }

    [Theory]
    [InlineData("307 Temporary Redirect", "Location: ftp://localhost/x\r\n", "sends on to ftp:")]
    [InlineData("307 Temporary Redirect", "Location: /v2/app/manifests/1\r\n", "sends on without end")]
    public async Task Redirects_that_lead_nowhere_are_refused(string status, string headers, string message)
    {
        _proxy.Answer = head => head.Contains("/manifests/", StringComparison.Ordinal) ? TestProxy.Reply(status, headers) : null;
        Assert.Contains(message, (await Assert.ThrowsAsync<RegistryException>(() => _store.PullAsync(Name, cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "no config")]
    [InlineData("nonsense", "not the JSON")]
    [InlineData("""{"schemaVersion":1,"fsLayers":[],"history":[]}""", "first schema")]
    public async Task Manifest_that_is_none_is_refused(string manifest, string message)
    {
        _proxy.Answer = head => head.Contains("/manifests/", StringComparison.Ordinal) ? TestProxy.Reply("200 OK", "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n", System.Text.Encoding.UTF8.GetBytes(manifest)) : null;
        Assert.Contains(message, (await Assert.ThrowsAsync<ImageException>(() => _store.PullAsync(Name, cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Manifest_without_end_is_refused()
    {
        _proxy.Answer = head => head.Contains("/manifests/", StringComparison.Ordinal) ? TestProxy.Reply("200 OK", "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n", new byte[5 << 20]) : null;
        Assert.Contains("that make sense", (await Assert.ThrowsAsync<ImageException>(() => _store.PullAsync(Name, cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
    }

    private sealed class CancelAt(CancellationTokenSource source, long bytes) : IProgress<PullProgress>
    {
        public void Report(PullProgress value)
        {
            if (value.BytesDone >= bytes)
            {
                source.Cancel();
            }
        }
    }
}
