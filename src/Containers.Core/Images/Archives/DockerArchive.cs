using Containers.Storage;

namespace Containers.Images.Archives;

/// <summary>
/// A docker archive as it is read: `docker save` in both of its layouts (ID/layer.tar, and blobs/sha256/HEX since docker 25),
/// and what podman, skopeo, buildah, kaniko and bazel write in its likeness. manifest.json says where everything is, so the
/// layouts need no telling apart.
/// </summary>
internal sealed class DockerArchive(TarFile tar, string path) : IDisposable
{
    /// <summary>The size of real ones is some KiB; the container tools' own limit for a manifest is 4 MiB.</summary>
    private const int MaximumJson = 4 << 20;

    private readonly string _name = $"docker-archive:{path}";

    public static DockerArchive Open(string path, StoreLayout layout, CancellationToken cancellation)
        => new(TarFile.Open(path, $"docker-archive:{path}", layout, cancellation), path);

    public void Dispose() => tar.Dispose();

    /// <summary>Reads and checks the list of images.</summary>
    public IReadOnlyList<ManifestEntry> ReadManifest()
    {
        if (tar.Failure is { } failure)
        {
            throw failure;
        }

        if (!tar.Has(Manifest.FileName))
        {
            throw new ImageException(
                $"{_name}: the archive has no {Manifest.FileName}.",
                tar.Has("oci-layout") ? $"It is an OCI archive: oci-archive:{path}."
                    : "It is no archive of docker save. A tar of a root file system is named rootfs:PATH.");
        }

        return Manifest.Parse(tar.Read(Manifest.FileName, "the manifest", MaximumJson), _name);
    }

    /// <summary>Reads the bytes of an image's config; where its name is a digest they have to have that digest.</summary>
    public byte[] ReadConfig(ManifestEntry entry)
    {
        byte[] json = tar.Read(entry.Config!, "the config", MaximumJson);
        string hex = Path.GetFileName(entry.Config!).Replace(".json", "", StringComparison.Ordinal);
        string actual = Digest.Of(json);
        return Digest.IsHex(hex) && Digest.Hex(actual) != hex
            ? throw new ImageException($"{_name}: the config \"{entry.Config}\" has the digest {actual}, which is not its name.", "The archive was changed or damaged.")
            : json;
    }

    /// <summary>Opens a layer, which may be compressed.</summary>
    /// <param name="entry">The image.</param>
    /// <param name="index">Which, from 0 for the lowest.</param>
    public Stream OpenLayer(ManifestEntry entry, int index) => tar.Open(entry.Layers![index], $"layer {index + 1}");
}
