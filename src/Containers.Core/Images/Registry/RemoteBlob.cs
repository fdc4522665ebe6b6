using System.Net;
using System.Runtime.ExceptionServices;
using Containers.Images.Manifests;
using Containers.Images.Sources;
using Containers.Layers;
using Microsoft.Extensions.Logging;

namespace Containers.Images.Registry;

/// <summary>
/// A blob that comes over the network, and goes on where it was when a connection is lost or stalls: over a new one, from the
/// last byte. What a partial file has comes first, and what comes new is added to it.
/// </summary>
/// <remarks>It is read by a thread of its own, which waits here; cancellation ends the wait.</remarks>
internal sealed partial class RemoteBlob : ReadOnlyStream, IPartialSource
{
    /// <summary>So much progress has a connection earn new tries for the next: a server that gives a byte at a time does not keep us for ever.</summary>
    private const long WorthATry = 64 << 10;

    private readonly IReadOnlyList<RegistryRepository> _places;
    private readonly Descriptor _descriptor;
    private readonly PartialBlob? _partial;
    private readonly CancellationToken _cancellation;
    private HttpResponseMessage? _response;
    private Stream? _content;
    private int _place;
    private long _position;
    private int _failures;
    private long _lastFailure = -WorthATry;

    /// <param name="places">Where it can be had, the best first.</param>
    /// <param name="descriptor">Which blob.</param>
    /// <param name="partial">Where it is kept until it is complete; null for nowhere. Disposed with this.</param>
    /// <param name="cancellation">Ends it.</param>
    public RemoteBlob(IReadOnlyList<RegistryRepository> places, Descriptor descriptor, PartialBlob? partial, CancellationToken cancellation)
        => (_places, _descriptor, _partial, _cancellation) = (places, descriptor, partial, cancellation);

    /// <summary>Told of bytes that came from the partial file.</summary>
    public Action<long>? Resumed { get; init; }

    private RegistrySession Session => _places[0].Session;

    public override int Read(Span<byte> buffer)
    {
        byte[] rented = System.Buffers.ArrayPool<byte>.Shared.Rent(buffer.Length);
        try
        {
            int count = Read(rented, 0, buffer.Length);
            rented.AsSpan(0, count).CopyTo(buffer);
            return count;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(rented);
        }
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (_content is null && _partial is not null && _position < _partial.Length)
        {
            int known = _partial.Read(buffer.AsSpan(offset, (int)Math.Min(count, _partial.Length - _position)), _position);
            Resumed?.Invoke(known);
            _position += known;
            return known;
        }

        if (_position >= _descriptor.Size || count == 0)
        {
            return 0; // what a server sends behind the end is nobody's
        }

        ValueTask<int> receiving = ReceiveAsync(buffer.AsMemory(offset, (int)Math.Min(count, _descriptor.Size - _position)));
        int received = receiving.IsCompletedSuccessfully ? receiving.Result : receiving.AsTask().GetAwaiter().GetResult();
        _partial?.Append(buffer.AsSpan(offset, received));
        _position += received;
        return received;
    }

    public void Forget() => _partial?.Forget();

    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer)
    {
        while (true)
        {
            Exception? failure = null;
            using CancellationTokenSource stall = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
            try
            {
                if (_content is null)
                {
                    await ConnectAsync().ConfigureAwait(false);
                }

                stall.CancelAfter(Session.Options.StallTimeout);
                int count = await _content!.ReadAsync(buffer, stall.Token).ConfigureAwait(false);
                if (count > 0)
                {
                    return count;
                }

                failure = new EndOfStreamException($"the connection ended at byte {_position} of {_descriptor.Size}");
            }
            catch (OperationCanceledException) when (!_cancellation.IsCancellationRequested)
            {
                failure = new TimeoutException($"nothing came for {Session.Options.StallTimeout.TotalSeconds:0.#} s, at byte {_position} of {_descriptor.Size}");
            }
            catch (Exception exception) when (exception is IOException or HttpRequestException)
            {
                failure = exception;
            }

            Disconnect();
            _cancellation.ThrowIfCancellationRequested();
            await CountAsync(failure).ConfigureAwait(false);
        }
    }

    /// <summary>Waits before the next try, or gives up.</summary>
    private async Task CountAsync(Exception failure)
    {
        _failures = _position - _lastFailure >= WorthATry ? 1 : _failures + 1;
        _lastFailure = _position;
        if (_failures > Session.Options.MaximumRetries)
        {
            throw RegistryErrors.Unreachable(_places[_place].Host.Authority, $"the blob {_descriptor.Digest} of {_places[_place].Path}", failure);
        }

        // The first time goes on at once: connections that end are an everyday matter.
        TimeSpan delay = _failures == 1 ? TimeSpan.Zero : RegistrySession.Backoff(_failures - 1);
        LogResumed(Session.Logger, _descriptor.Digest!, _position, _descriptor.Size, failure.Message, delay);
        await Task.Delay(delay, Session.Time, _cancellation).ConfigureAwait(false);
    }

    private async Task ConnectAsync()
    {
        ExceptionDispatchInfo? first = null;
        for (; _place < _places.Count; _place++)
        {
            try
            {
                _response = await _places[_place].GetBlobAsync(_descriptor.Digest!, _position, _cancellation).ConfigureAwait(false);
                _content = await _response.Content.ReadAsStreamAsync(_cancellation).ConfigureAwait(false);
                await SkipAsync().ConfigureAwait(false);
                return;
            }
            catch (RegistryException exception)
            {
                first ??= ExceptionDispatchInfo.Capture(exception);
                if (_place + 1 < _places.Count)
                {
                    LogNextPlace(Session.Logger, _descriptor.Digest!, exception.Message, _places[_place + 1].Host.Authority);
                }
            }
        }

        _place = 0;
        first!.Throw();
    }

    /// <summary>Brings the answer to the place where we are: a server may give all of it in spite of a range, or another range.</summary>
    private async Task SkipAsync()
    {
        long start = 0;
        if (_response!.StatusCode == HttpStatusCode.PartialContent)
        {
            start = _response.Content.Headers.ContentRange?.From ?? _position;
            if (start > _position)
            {
                throw new HttpRequestException($"the registry gave bytes from {start} on where {_position} was asked for");
            }
        }

        byte[] buffer = new byte[64 << 10];
        using CancellationTokenSource stall = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        for (long left = _position - start; left > 0;)
        {
            stall.CancelAfter(Session.Options.StallTimeout);
            int count = await _content!.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), stall.Token).ConfigureAwait(false);
            left -= count > 0 ? count : throw new EndOfStreamException($"the connection ended before byte {_position} of {_descriptor.Size}");
        }
    }

    private void Disconnect()
    {
        _content?.Dispose();
        _response?.Dispose();
        (_content, _response) = (null, null);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Disconnect();
            _partial?.Dispose();
        }

        base.Dispose(disposing);
    }

    [LoggerMessage(21, LogLevel.Information, "Blob {Digest} stopped at byte {Position} of {Size} ({Reason}); it goes on from there in {Delay}.")]
    private static partial void LogResumed(ILogger logger, string digest, long position, long size, string reason, TimeSpan delay);

    [LoggerMessage(22, LogLevel.Warning, "Blob {Digest} cannot be had ({Reason}); {Next} is asked next.")]
    private static partial void LogNextPlace(ILogger logger, string digest, string reason, string next);
}
