using System.Collections.Concurrent;
using Containers.Images;
using Containers.Native;

namespace Containers.Storage;

/// <summary>names/HEX.json: the image that a name means.</summary>
/// <param name="Name">With registry and tag or digest, such as docker.io/library/busybox:1.36.</param>
/// <param name="ImageId">The digest of the image's config.</param>
/// <param name="ManifestDigest">Of the manifest that it was pulled by; null where it came without one.</param>
/// <param name="ManifestMediaType">What kind of manifest that is.</param>
/// <param name="Stored">When the name began to mean this image here.</param>
/// <param name="Source">The reference that it was loaded from, for people to read.</param>
internal sealed record NameRecord(string Name, string ImageId, string? ManifestDigest, string? ManifestMediaType, DateTimeOffset Stored, string? Source);

/// <summary>What names mean. Records are remembered as long as their files are the same: finding one again costs one system call.</summary>
internal sealed class ImageNames(StoreLayout layout)
{
    private const int MaximumRemembered = 4096;

    private readonly ConcurrentDictionary<string, (FileIdentity Identity, NameRecord Record)> _remembered = new();

    /// <summary>What a full name means; null when it means nothing here.</summary>
    public NameRecord? Find(string fullName) => Read(PathOf(fullName), fullName);

    public bool Means(string fullName, string imageId) => Find(fullName)?.ImageId == imageId;

    /// <summary>All names, in their order.</summary>
    public IReadOnlyList<NameRecord> All()
        => !Directory.Exists(layout.Names) ? []
            : [.. Directory.EnumerateFiles(layout.Names, "*.json").Select(path => Read(path, null)).OfType<NameRecord>().OrderBy(record => record.Name, StringComparer.Ordinal)];

    /// <summary>Has a name mean an image from now on; on the disk when this returns. Under the store's lock.</summary>
    public void Put(NameRecord record)
        => StoreFiles.Publish(layout, PathOf(record.Name), System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(record, StoreJson.Default.NameRecord));

    /// <summary>Forgets a name. Under the store's lock.</summary>
    public void Remove(string fullName)
    {
        StoreFiles.Unlink(PathOf(fullName));
        _remembered.TryRemove(PathOf(fullName), out _);
    }

    public string PathOf(string fullName) => $"{layout.Names}/{StoreFiles.Hash(fullName)}.json";

    private NameRecord? Read(string path, string? expected)
    {
        if (!StoreFiles.TryStat(path, out Kernel.statx_t stat))
        {
            return null;
        }

        FileIdentity identity = FileIdentity.Of(path, stat);
        if (_remembered.TryGetValue(path, out (FileIdentity Identity, NameRecord Record) known) && known.Identity == identity)
        {
            return known.Record;
        }

        NameRecord? record = StoreRecords.TryLoad(path, StoreJson.Default.NameRecord);
        if (record is null || !Digest.IsValid(record.ImageId) || record.Name is null || PathOf(record.Name) != path || (expected is not null && record.Name != expected))
        {
            return null; // damaged: as good as none
        }

        if (identity.IsSettled)
        {
            if (_remembered.Count >= MaximumRemembered)
            {
                _remembered.Clear();
            }

            _remembered[path] = (identity, record);
        }

        return record;
    }
}
