using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Containers.Images.Archives;
using Containers.Images.Building;
using Containers.Images.Manifests;
using Containers.Storage;

namespace Containers.Images.Saving;

/// <summary>Writes an image of a store to where other programs find it.</summary>
internal static class ImageSaver
{
    private static readonly byte[] s_dirVersion = "Directory Transport Version: 1.1\n"u8.ToArray(); // containers/image, directory transport

    /// <returns>The digest of the OCI manifest.</returns>
    public static string Save(Image image, string reference, SaveOptions options, CancellationToken cancellation)
    {
        ImageReference target = ImageReference.Parse(reference);
        if (target.Transport is not (ImageTransport.DockerArchive or ImageTransport.Oci or ImageTransport.OciArchive or ImageTransport.Dir))
        {
            throw new ImageException($"\"{reference}\": an image cannot be saved there.", "Write docker-archive:PATH[:NAME], oci:PATH[:TAG], oci-archive:PATH[:TAG] or dir:PATH.");
        }

        return Save(image, target, options, cancellation);
    }

    /// <returns>The digest of the OCI manifest.</returns>
    public static string Save(Image image, ImageReference target, SaveOptions options, CancellationToken cancellation)
    {
        PreparedImage.CatalogOf(image);
        if (options.Compression is { } chosen && !Enum.IsDefined(chosen))
        {
            throw new ArgumentOutOfRangeException(nameof(options), chosen, "There is no such compression.");
        }

        CheckTarget(target);
        LayerCompression compression = options.Compression ?? (target.Transport == ImageTransport.DockerArchive ? LayerCompression.None : LayerCompression.Gzip);
        try
        {
            using PreparedImage prepared = PreparedImage.Make(image, compression, cancellation);
            Write(target, prepared.Catalog, image, options, prepared.Layers, prepared.Config, prepared.Manifest);
            return Digest.Of(prepared.Manifest);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"The image \"{image.Name}\" cannot be written to \"{target.Path}\": {exception.Message}", innerException: exception);
        }
    }

    private static void Write(ImageReference target, ImageCatalog catalog, Image image, SaveOptions options, SavedLayers layers, byte[] config, byte[] manifest)
    {
        OutputFiles files = new();
        string prefix = target.Transport == ImageTransport.Dir ? "" : "blobs/sha256/";
        foreach (SavedLayer layer in layers.All)
        {
            files.AddBlob(prefix + Digest.Hex(layer.Digest), layer.Open);
        }

        files.AddBlob(prefix + Digest.Hex(image.Id), config);
        if (target.Transport == ImageTransport.Dir)
        {
            files.AddDocument("version", s_dirVersion);
            files.AddDocument("manifest.json", manifest);
            files.WriteDirectory(target.Path);
            RemoveOthers(target.Path, [Digest.Hex(image.Id), .. layers.All.Select(layer => Digest.Hex(layer.Digest)), "version", "manifest.json"]);
            return;
        }

        files.AddBlob(prefix + Digest.Hex(Digest.Of(manifest)), manifest);
        files.AddDocument("oci-layout", BuiltDocuments.OciLayout);
        string? name = target.Tag;
        string? fullName = catalog.Names.All().FirstOrDefault(record => record.ImageId == image.Id && !record.Name.Contains('@', StringComparison.Ordinal))?.Name;
        if (target.Transport == ImageTransport.DockerArchive)
        {
            IReadOnlyList<string> names = Names(catalog, image, options, target.Tag);
            files.AddDocument(Manifest.FileName, BuiltDocuments.DockerManifest(prefix + Digest.Hex(image.Id), names, [.. layers.All.Select(layer => prefix + Digest.Hex(layer.Digest))]));
            files.AddDocument("index.json", Index(null, Digest.Of(manifest), manifest.Length, names.Count > 0 ? names[0][(names[0].LastIndexOf(':') + 1)..] : null, names.Count > 0 ? names[0] : null));
            files.WriteArchive(target.Path, DateTimeOffset.UnixEpoch);
        }
        else if (target.Transport == ImageTransport.OciArchive)
        {
            files.AddDocument("index.json", Index(null, Digest.Of(manifest), manifest.Length, name, FullName(name) ?? fullName));
            files.WriteArchive(target.Path, DateTimeOffset.UnixEpoch);
        }
        else
        {
            string index = $"{target.Path}/index.json";
            files.AddDocument("index.json", Index(File.Exists(index) ? File.ReadAllBytes(index) : null, Digest.Of(manifest), manifest.Length, name, FullName(name) ?? fullName));
            files.WriteDirectory(target.Path);
        }
    }

    private static IReadOnlyList<string> Names(ImageCatalog catalog, Image image, SaveOptions options, string? tag)
    {
        IEnumerable<string> names = tag is not null ? [tag] : options.Names
            ?? [.. catalog.Names.All().Where(record => record.ImageId == image.Id && !record.Name.Contains('@', StringComparison.Ordinal)).Select(record => record.Name)];
        return [.. names.Select(name => ImageName.Parse(name) is { Digest: null } full ? full.ToString() : throw new ImageException($"\"{name}\" cannot be a name in a docker archive: it has a digest."))];
    }

    // A name with a path or a tag: what containerd calls the image. A lone tag is none.
    private static string? FullName(string? name) => name is not null && name.AsSpan().ContainsAny('/', ':') && ImageName.IsName(name) ? ImageName.Normalize(name) : null;

    /// <summary>An index with the image in it, in the place of the one that had its name; other images of a layout stay.</summary>
    private static byte[] Index(byte[]? existing, string digest, long size, string? refName, string? fullName)
    {
        JsonObject index = existing is null ? new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.OciIndex, ["manifests"] = new JsonArray() } : JsonNode.Parse(existing)!.AsObject();
        JsonArray manifests = index["manifests"] as JsonArray ?? [];
        index["manifests"] = manifests;
        for (int i = manifests.Count - 1; i >= 0; i--)
        {
            string? other = manifests[i]?["annotations"]?[Descriptor.RefName]?.GetValue<string>();
            if (other == refName || (refName is null && manifests[i]?["digest"]?.GetValue<string>() == digest))
            {
                manifests.RemoveAt(i);
            }
        }

        JsonObject entry = new() { ["mediaType"] = MediaTypes.OciManifest, ["digest"] = digest, ["size"] = size };
        JsonObject annotations = [];
        if (fullName is not null)
        {
            annotations[Descriptor.ContainerdName] = fullName;
        }

        if (refName is not null)
        {
            annotations[Descriptor.RefName] = refName;
        }

        if (annotations.Count > 0)
        {
            entry["annotations"] = annotations;
        }

        manifests.Add((JsonNode)entry);
        return BuiltDocuments.Bytes(index);
    }

    // Before anything is made or compressed.
    private static void CheckTarget(ImageReference target)
    {
        string path = target.Path;
        if (target.Transport is ImageTransport.DockerArchive or ImageTransport.OciArchive)
        {
            string? problem = Directory.Exists(path) ? "there is a directory" : !Directory.Exists(Path.GetDirectoryName(path)) ? "there is no directory for it" : null;
            if (problem is not null)
            {
                throw new ImageException($"The image cannot be written to \"{path}\": {problem}.");
            }

            return;
        }

        string mark = target.Transport == ImageTransport.Oci ? "oci-layout" : "version";
        if (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any() && !File.Exists($"{path}/{mark}")))
        {
            throw new ImageException($"The image cannot be written to \"{path}\": there is something else.", $"Only an empty directory, or one that has such images already (with a file {mark}), is written into.");
        }

        if (target.Transport == ImageTransport.Oci && File.Exists($"{path}/index.json"))
        {
            try
            {
                if (JsonNode.Parse(File.ReadAllBytes($"{path}/index.json")) is not JsonObject)
                {
                    throw new JsonException("it is no object");
                }
            }
            catch (JsonException exception)
            {
                throw new ImageException($"The image cannot be written to \"{path}\": its index.json cannot be read: {exception.Message}", innerException: exception);
            }
        }
    }

    // skopeo's directory has one image: blobs of the one before would stay for ever.
    private static void RemoveOthers(string directory, HashSet<string> needed)
    {
        foreach (string path in Directory.GetFiles(directory))
        {
            string name = Path.GetFileName(path);
            if (!needed.Contains(name) && Digest.IsHex(name))
            {
                File.Delete(path);
            }
        }
    }
}
