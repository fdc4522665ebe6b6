using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Containers.Images.Manifests;
using Microsoft.Extensions.Logging;

namespace Containers.Images.Registry;

/// <summary>Sends blobs to a repository (distribution spec, "Pushing blobs"): what is there is not sent, and what another repository has is mounted.</summary>
/// <param name="session">Sends the requests.</param>
/// <param name="host">The registry.</param>
/// <param name="repository">Where to.</param>
/// <param name="options">In what pieces, and from where to mount.</param>
/// <param name="monitor">Is told what is sent.</param>
internal sealed partial class BlobUpload(RegistrySession session, RegistryHost host, string repository, PushOptions options, PullMonitor monitor)
{
    private readonly RegistryScope _push = new(repository, "pull,push");

    /// <summary>Has the repository have a blob.</summary>
    /// <param name="descriptor">Which.</param>
    /// <param name="open">Opens its bytes; called anew for each try.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task EnsureAsync(Descriptor descriptor, Func<CancellationToken, Stream> open, CancellationToken cancellation)
    {
        if (await HasAsync(descriptor.Digest!, cancellation).ConfigureAwait(false))
        {
            return;
        }

        foreach (string from in options.MountFrom.Where(from => from != repository))
        {
            if (await TryMountAsync(descriptor.Digest!, from, cancellation).ConfigureAwait(false))
            {
                LogMounted(session.Logger, descriptor.Digest!, from);
                return;
            }
        }

        for (int failures = 0; ; failures++)
        {
            RegistryException failure;
            try
            {
                monitor.Opened(descriptor.Digest!);
                await SendAsync(descriptor, open, cancellation).ConfigureAwait(false);
                return;
            }
            catch (RegistryException exception) when (exception.StatusCode is null or >= HttpStatusCode.InternalServerError or HttpStatusCode.NotFound or HttpStatusCode.TooManyRequests && failures < session.Options.MaximumRetries)
            {
                failure = exception; // 404: the upload is not known any more, so another is begun
            }

            TimeSpan delay = failure.RetryAfter ?? RegistrySession.Backoff(failures);
            if (delay > session.Options.MaximumRetryDelay)
            {
                throw failure;
            }

            LogAgain(session.Logger, descriptor.Digest!, failure.Message, delay);
            await Task.Delay(delay, session.Time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<bool> HasAsync(string digest, CancellationToken cancellation)
    {
        string what = $"the blob {digest} of {repository}";
        HttpResponseMessage response = await session.SendAsync(host, $"/v2/{repository}/blobs/{digest}", _push, address => new HttpRequestMessage(HttpMethod.Head, address), what, cancellation).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.NotFound || response.IsSuccessStatusCode)
        {
            response.Dispose();
            return response.StatusCode == HttpStatusCode.OK;
        }

        throw await session.RefusalAsync(host, _push, response, what, cancellation).ConfigureAwait(false);
    }

    private async Task<bool> TryMountAsync(string digest, string from, CancellationToken cancellation)
    {
        RegistryScope scope = new(repository, "pull,push", from);
        string path = $"/v2/{repository}/blobs/uploads/?mount={Uri.EscapeDataString(digest)}&from={Uri.EscapeDataString(from)}";
        using HttpResponseMessage response = await session.SendAsync(host, path, scope, Post, $"a mount of {digest} from {from}", cancellation).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Accepted)
        {
            await AbandonAsync(response, cancellation).ConfigureAwait(false); // it does not have it: an upload was begun in its place
        }

        return response.StatusCode == HttpStatusCode.Created;
    }

    /// <summary>Tells the registry that an upload is not wanted. It would find out by itself, after a day or a week.</summary>
    private async Task AbandonAsync(HttpResponseMessage begun, CancellationToken cancellation)
    {
        if (begun.Headers.Location is { } location)
        {
            using HttpResponseMessage response = await session.SendAsync(host, Absolute(begun, location), _push, address => new HttpRequestMessage(HttpMethod.Delete, address), "the end of an upload", cancellation).ConfigureAwait(false);
        }
    }

    private async Task SendAsync(Descriptor descriptor, Func<CancellationToken, Stream> open, CancellationToken cancellation)
    {
        string what = $"an upload of {descriptor.Digest} to {repository}";
        using HttpResponseMessage begun = await CheckAsync(await session.SendAsync(host, $"/v2/{repository}/blobs/uploads/", _push, Post, what, cancellation).ConfigureAwait(false), what, cancellation).ConfigureAwait(false);
        string place = Place(begun, what);
        if (options.ChunkSize is { } size && size > 0 && descriptor.Size > size)
        {
            place = await SendChunksAsync(descriptor, open, place, size, what, cancellation).ConfigureAwait(false);
            using HttpResponseMessage closed = await CheckAsync(await session.SendOnceAsync(host, WithDigest(place, descriptor.Digest!), _push, Put(null), what, cancellation).ConfigureAwait(false), what, cancellation).ConfigureAwait(false);
            return;
        }

        using HttpResponseMessage done = await CheckAsync(await session.SendOnceAsync(host, WithDigest(place, descriptor.Digest!), _push, Put(() => Body(open(cancellation), descriptor.Size, descriptor.Digest!)), what, cancellation).ConfigureAwait(false), what, cancellation).ConfigureAwait(false);
    }

    private async Task<string> SendChunksAsync(Descriptor descriptor, Func<CancellationToken, Stream> open, string place, int size, string what, CancellationToken cancellation)
    {
        byte[] chunk = new byte[size];
        using Stream source = open(cancellation);
        for (long at = 0; at < descriptor.Size;)
        {
            int length = await source.ReadAtLeastAsync(chunk.AsMemory(0, (int)Math.Min(size, descriptor.Size - at)), (int)Math.Min(size, descriptor.Size - at), throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            if (length == 0)
            {
                throw new ImageException($"{repository}: the blob {descriptor.Digest} ends after {at} bytes, and has {descriptor.Size} by the manifest.");
            }

            place = await SendChunkAsync(place, chunk.AsMemory(0, length), at, what, cancellation).ConfigureAwait(false);
            monitor.Came(descriptor.Digest!, length);
            at += length;
        }

        return place;
    }

    /// <summary>Sends one piece. After a failure the registry is asked how far it came, and only the rest goes again.</summary>
    private async Task<string> SendChunkAsync(string place, ReadOnlyMemory<byte> chunk, long start, string what, CancellationToken cancellation)
    {
        long at = start;
        for (int failures = 0; ; failures++)
        {
            try
            {
                ReadOnlyMemory<byte> rest = chunk[(int)(at - start)..];
                long from = at;
                using HttpResponseMessage response = await CheckAsync(await session.SendOnceAsync(host, place, _push, address =>
                {
                    HttpRequestMessage request = new(HttpMethod.Patch, address) { Content = new ReadOnlyMemoryContent(rest) };
                    request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                    // "start-end", without a unit: the distribution spec's own form.
                    request.Content.Headers.TryAddWithoutValidation("Content-Range", string.Create(CultureInfo.InvariantCulture, $"{from}-{from + rest.Length - 1}"));
                    return request;
                }, what, cancellation).ConfigureAwait(false), what, cancellation).ConfigureAwait(false);
                return Place(response, what);
            }
            catch (RegistryException exception) when (exception.StatusCode is null or >= HttpStatusCode.InternalServerError && failures < session.Options.MaximumRetries)
            {
                using HttpResponseMessage status = await CheckAsync(await session.SendAsync(host, place, _push, address => new HttpRequestMessage(HttpMethod.Get, address), what, cancellation).ConfigureAwait(false), what, cancellation).ConfigureAwait(false);
                long received = Received(status);
                if (received < start || received > start + chunk.Length)
                {
                    throw; // another upload than ours
                }

                at = received;
                place = status.Headers.Location is { } location ? Absolute(status, location) : place;
                if (at == start + chunk.Length)
                {
                    return place;
                }
            }
        }
    }

    // Range: 0-N says that N + 1 bytes are there, and 0-0 also that none is.
    private static long Received(HttpResponseMessage status)
        => status.Headers.TryGetValues("Range", out IEnumerable<string>? values) && values.FirstOrDefault()?.Split('-') is [_, { } end] && long.TryParse(end, CultureInfo.InvariantCulture, out long last) && last > 0 ? last + 1 : 0;

    private UploadContent Body(Stream stream, long length, string digest) => new(stream, length, count => monitor.Came(digest, count));

    private static HttpRequestMessage Post(Uri address) => new(HttpMethod.Post, address) { Content = new ByteArrayContent([]) };

    private static Func<Uri, HttpRequestMessage> Put(Func<HttpContent>? content) => address => new HttpRequestMessage(HttpMethod.Put, address) { Content = content?.Invoke() ?? new ByteArrayContent([]) };

    private async Task<HttpResponseMessage> CheckAsync(HttpResponseMessage response, string what, CancellationToken cancellation)
        => response.IsSuccessStatusCode ? response : throw await session.RefusalAsync(host, _push, response, what, cancellation).ConfigureAwait(false);

    private string Place(HttpResponseMessage response, string what)
        => response.Headers.Location is { } location ? Absolute(response, location)
            : throw new RegistryException($"{host.Authority}: asked for {what}, the registry does not say where to.") { Registry = host.Authority, StatusCode = response.StatusCode };

    private static string Absolute(HttpResponseMessage response, Uri location) => new Uri(response.RequestMessage!.RequestUri!, location).AbsoluteUri;

    private static string WithDigest(string place, string digest) => $"{place}{(place.Contains('?', StringComparison.Ordinal) ? '&' : '?')}digest={Uri.EscapeDataString(digest)}";

    [LoggerMessage(30, LogLevel.Information, "Blob {Digest} is mounted from {Repository}.")]
    private static partial void LogMounted(ILogger logger, string digest, string repository);

    [LoggerMessage(31, LogLevel.Warning, "The upload of blob {Digest} failed ({Reason}); it is sent again in {Delay}.")]
    private static partial void LogAgain(ILogger logger, string digest, string reason, TimeSpan delay);
}

/// <summary>A stream as a request's body, counted.</summary>
internal sealed class UploadContent : HttpContent
{
    private readonly Stream _stream;
    private readonly long _length;
    private readonly Action<int> _sent;

    public UploadContent(Stream stream, long length, Action<int> sent)
    {
        (_stream, _length, _sent) = (stream, length, sent);
        Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => await SerializeToStreamAsync(stream, context, CancellationToken.None).ConfigureAwait(false);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[128 << 10];
        for (int count; (count = await _stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            _sent(count);
        }

        (_stream as Sources.BlobInput)?.Complete(); // what was not the blob is not called sent
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _length;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        _stream.Dispose();
        base.Dispose(disposing);
    }
}
