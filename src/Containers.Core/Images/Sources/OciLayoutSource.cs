using System.Text.Json;
using System.Text.Json.Nodes;
using Containers.Images.Building;
using Containers.Images.Manifests;

namespace Containers.Images.Sources;

/// <summary>An OCI image layout (image-layout.md): a directory or a tar with oci-layout, index.json and blobs/ALGORITHM/HEX.</summary>
/// <param name="files">Where the files are; disposed with this.</param>
/// <param name="where">The layout in the words of a reference.</param>
/// <param name="tag">Which of its images; null when there is only one.</param>
internal sealed class OciLayoutSource(LayoutFiles files, string where, string? tag) : BlobSource
{
    public const string Mark = "oci-layout";
    public const string Index = "index.json";

    public const string Hint = "An OCI image layout has the files oci-layout and index.json and the directory blobs.";

    public override string Where => where;

    /// <summary>Why not all of the files may be seen: the archive is damaged or truncated.</summary>
    public ImageException? Failure { get; init; }

    public override void Dispose() => files.Dispose();

    protected override ValueTask<(IReadOnlyList<string> Names, byte[] Content, string? MediaType)> ReadFirstAsync(ImagePlatform? platform, CancellationToken cancellation)
    {
        if (Failure is not null)
        {
            throw Failure;
        }

        CheckMark();
        byte[] json = files.Read(Index, where, Hint);
        ManifestDocument index = ManifestDocument.Parse(json, MediaTypes.OciIndex, $"{where}: {Index}");
        IReadOnlyList<Descriptor> entries = Select(index.Manifests!);
        if (platform is null && entries.Count > 1)
        {
            return new(([], IndexOf(json, [.. Enumerable.Range(0, index.Manifests!.Count).Where(i => entries.Contains(index.Manifests[i]))]), MediaTypes.OciIndex));
        }

        Descriptor entry = platform is null ? entries[0].Check(where, "an image in the index") : PlatformChoice.Choose(entries, platform, where);
        return new(([.. NamesOf(entry).Reverse()], ReadManifestBlob(entry, cancellation), entry.MediaType));
    }

    protected override ValueTask<byte[]> ReadManifestAsync(Descriptor descriptor, CancellationToken cancellation) => new(ReadManifestBlob(descriptor, cancellation));

    protected override BlobInput OpenBlob(Descriptor descriptor, string what, CancellationToken cancellation)
    {
        descriptor.Check(where, what);
        Stream stream = files.TryOpen($"blobs/sha256/{Digest.Hex(descriptor.Digest!)}")
            ?? throw new ImageException($"{where}: the blob of {what} ({descriptor.Digest}) is not there.", "The layout is not complete. Copy the image again with all of its layers.");
        return new BlobInput(stream, descriptor, what);
    }

    private void CheckMark()
    {
        LayoutDocument? mark;
        try
        {
            mark = JsonSerializer.Deserialize(files.Read(Mark, where, Hint), ManifestJson.Default.LayoutDocument);
        }
        catch (JsonException exception)
        {
            throw new ImageException($"{where}: {Mark} is not the JSON that it should be: {exception.Message}", innerException: exception);
        }

        if (mark?.Version is not { } version || !version.StartsWith("1.", StringComparison.Ordinal))
        {
            throw new ImageException($"{where}: the layout's version is {mark?.Version ?? "missing"}, and 1.0.0 is what is read here.");
        }
    }

    /// <summary>The entries of one image, which may have one for each machine.</summary>
    private IReadOnlyList<Descriptor> Select(IReadOnlyList<Descriptor> entries)
    {
        if (tag is not null)
        {
            Descriptor[] named = [.. entries.Where(entry => NamesOf(entry).Any(name => name == tag))];
            named = named.Length > 0 ? named : [.. entries.Where(entry => NamesOf(entry).Any(name => ImageName.Same(name, tag)))];
            return named.Length > 0 ? named : throw new ImageException($"{where}: there is no image \"{tag}\".", Listed(entries));
        }

        string[] names = [.. entries.Select(entry => NamesOf(entry).FirstOrDefault() ?? "").Distinct()];
        return names.Length <= 1
            ? entries
            : throw new ImageException($"{where}: there are {names.Length} images and the reference does not say which.", $"{Listed(entries)} Write {where}:NAME.");
    }

    // Images of one name for several machines, as some write them, without an index of their own: it is made of what the layout says of them.
    private static byte[] IndexOf(byte[] layout, int[] entries)
    {
        JsonArray all = JsonNode.Parse(layout)!["manifests"]!.AsArray(), some = [];
        foreach (int entry in entries)
        {
            JsonObject one = all[entry]!.DeepClone().AsObject();
            one.Remove("annotations"); // the name, which is the index's now
            some.Add((JsonNode)one);
        }

        return BuiltDocuments.Bytes(new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.OciIndex, ["manifests"] = some });
    }

    // containerd has the tag in one annotation and the full name in another; podman and skopeo whatever was given in the first.
    private static IEnumerable<string> NamesOf(Descriptor entry)
        => from key in (string[])[Descriptor.RefName, Descriptor.ContainerdName]
           let name = entry.Annotations?.GetValueOrDefault(key)
           where !string.IsNullOrEmpty(name)
           select name;

    private static string Listed(IReadOnlyList<Descriptor> entries)
    {
        string listed = string.Join(", ", entries.SelectMany(NamesOf).Distinct().Take(20));
        return listed.Length > 0 ? $"It has: {listed}." : "Its images have no names.";
    }
}
