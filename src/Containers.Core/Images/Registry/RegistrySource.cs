using Containers.Images.Manifests;
using Containers.Images.Sources;
using Containers.Storage;
using Microsoft.Extensions.Logging;

namespace Containers.Images.Registry;

/// <summary>An image in a registry.</summary>
/// <param name="session">Sends the requests.</param>
/// <param name="name">The image.</param>
/// <param name="layout">The store that keeps what has come of a blob.</param>
/// <param name="known">Documents that are there already, by digest.</param>
/// <param name="monitor">Is told what comes.</param>
internal sealed partial class RegistrySource(RegistrySession session, ImageName name, StoreLayout layout, Func<string, byte[]?> known, PullMonitor monitor) : BlobSource
{
    private IReadOnlyList<RegistryRepository> _places = RegistryRepository.PlacesOf(session, name);

    public override string Where { get; } = name.ToString();

    public override void Dispose()
    {
        // the session is the caller's
    }

    protected override async ValueTask<(IReadOnlyList<string> Names, byte[] Content, string? MediaType)> ReadFirstAsync(ImagePlatform? platform, CancellationToken cancellation)
    {
        if (name.Digest is { } digest && known(digest) is { } there)
        {
            return ([Where], there, null);
        }

        for (int i = 0; ; i++)
        {
            try
            {
                (byte[] content, string? type) = await _places[i].GetManifestAsync(name.Selector, cancellation).ConfigureAwait(false);
                _places = [.. _places.Skip(i)]; // who has the manifest is asked for the blobs first
                return ([Where], content, type);
            }
            catch (Exception exception) when (exception is RegistryException or ImageException && i + 1 < _places.Count)
            {
                LogNextPlace(session.Logger, Where, exception.Message, _places[i + 1].Host.Authority);
            }
        }
    }

    protected override async ValueTask<byte[]> ReadManifestAsync(Descriptor descriptor, CancellationToken cancellation)
    {
        CheckLength(descriptor, "a manifest");
        if (known(descriptor.Digest!) is { } there)
        {
            return there;
        }

        for (int i = 0; ; i++)
        {
            try
            {
                return (await _places[i].GetManifestAsync(descriptor.Digest!, cancellation).ConfigureAwait(false)).Content;
            }
            catch (RegistryException exception) when (i + 1 < _places.Count)
            {
                LogNextPlace(session.Logger, Where, exception.Message, _places[i + 1].Host.Authority);
            }
        }
    }

    protected override BlobInput OpenBlob(Descriptor descriptor, string what, CancellationToken cancellation)
    {
        if (known(descriptor.Check(Where, what).Digest!) is { } there)
        {
            return new BlobInput(new MemoryStream(there), descriptor, what);
        }

        PartialBlob? partial = PartialBlob.TryOpen(layout, descriptor.Digest!, descriptor.Size);
        RemoteBlob remote = new(_places, descriptor, partial, cancellation) { Resumed = count => monitor.Resumed(descriptor.Digest!, count) };
        monitor.Opened(descriptor.Digest!);
        return new BlobInput(remote, descriptor, what) { IsRemote = true, Progress = count => monitor.Came(descriptor.Digest!, count) };
    }

    [LoggerMessage(23, LogLevel.Warning, "{Image} cannot be had ({Reason}); {Next} is asked next.")]
    private static partial void LogNextPlace(ILogger logger, string image, string reason, string next);
}
