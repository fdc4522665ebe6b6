using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Containers.Storage;

/// <summary>layer.json beside an unpacked layer.</summary>
internal sealed record LayerRecord(string DiffId, long Size, IReadOnlyList<byte[]> Whiteouts, IReadOnlyList<byte[]>? ImplicitDirectories, IReadOnlyList<byte[]>? MissingDevices = null);

/// <summary>A layer of an image: the directory that it is in, which is not always that of its digest (see GhostWhiteouts).</summary>
internal sealed record ImageLayerRecord(string Key, long Size);

/// <summary>The unpacked layers of an image.</summary>
/// <param name="Layers">Lowest first.</param>
/// <param name="DirectoriesKey">What goes on top of them; null where nothing is needed (see ImplicitDirectories).</param>
internal sealed record ImageRecord(IReadOnlyList<ImageLayerRecord> Layers, string? DirectoriesKey)
{
    /// <summary>Keys of the overlay's lower directories, topmost first.</summary>
    public IEnumerable<string> LowerKeys()
    {
        IEnumerable<string> layers = Layers.Reverse().Select(layer => layer.Key);
        return DirectoriesKey is null ? layers : layers.Prepend(DirectoriesKey);
    }
}

/// <summary>What a file was found to be when it was read.</summary>
/// <param name="Identity">It is still that as long as this is the same.</param>
/// <param name="RootfsKey">The unpacked layer of a root file system's tar.</param>
/// <param name="Resolved">Images of it that were looked for, by the transport and tag of the reference.</param>
internal sealed record SourceRecord(FileIdentity Identity, string? RootfsKey, IReadOnlyDictionary<string, ResolvedRecord>? Resolved);

/// <summary>What a reference to a file led to.</summary>
/// <param name="Where">The source.</param>
/// <param name="Name">What the image is called.</param>
/// <param name="Names">Names that mean the image since.</param>
/// <param name="Config">The config's bytes.</param>
internal sealed record ResolvedRecord(string Where, string Name, IReadOnlyList<string> Names, byte[] Config);

[JsonSerializable(typeof(LayerRecord))]
[JsonSerializable(typeof(ImageRecord))]
[JsonSerializable(typeof(SourceRecord))]
[JsonSerializable(typeof(NameRecord))]
internal sealed partial class StoreJson : JsonSerializerContext;

/// <summary>The store's small JSON files. One that cannot be read is as good as none: everything in it can be found out again.</summary>
internal static class StoreRecords
{
    public static T? TryLoad<T>(string path, JsonTypeInfo<T> type)
        where T : class
    {
        if (StoreFiles.TryRead(path) is not { } bytes)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(bytes, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes one and renames it to its place.</summary>
    public static void Save<T>(StoreLayout layout, string path, T record, JsonTypeInfo<T> type)
    {
        using WorkArea work = WorkArea.Begin(layout, $"record-{Guid.NewGuid():N}", CancellationToken.None);
        string file = work.Path + "/record";
        StoreFiles.Write(file, JsonSerializer.SerializeToUtf8Bytes(record, type));
        StoreFiles.Rename(file, path);
    }
}
