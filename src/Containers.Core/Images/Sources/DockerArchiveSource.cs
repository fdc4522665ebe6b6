using Containers.Images.Archives;
using Containers.Images.Manifests;

namespace Containers.Images.Sources;

/// <summary>A docker archive. Its layers have no digests of their own: what they are is in the config.</summary>
/// <param name="tar">The archive; disposed with this.</param>
/// <param name="path">Where it is.</param>
/// <param name="tag">Which of its images; null when there is only one.</param>
internal sealed class DockerArchiveSource(TarFile tar, string path, string? tag) : ImageSource
{
    private readonly DockerArchive _archive = new(tar, path);
    private ManifestEntry? _entry;

    public override string Where => $"docker-archive:{path}";

    public override void Dispose() => _archive.Dispose();

    public override ValueTask<SourceImage> ResolveAsync(ImagePlatform platform, CancellationToken cancellation)
    {
        _entry = Manifest.Choose(_archive.ReadManifest(), tag, path);
        string name = tag ?? Manifest.Tags(_entry).FirstOrDefault() ?? Where;
        return new(new SourceImage(name, _archive.ReadConfig(_entry), [.. _entry.Layers!.Select(_ => new Descriptor())])
        {
            Names = [.. Manifest.Tags(_entry).Where(ImageName.IsName).Select(ImageName.Normalize).Distinct()],
        });
    }

    public override Stream OpenLayer(SourceImage image, int index, CancellationToken cancellation) => _archive.OpenLayer(_entry!, index);
}
