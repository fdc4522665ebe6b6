using System.IO.Compression;
using System.Security.Cryptography;
using Containers.Images.Manifests;
using Containers.Storage;
using SharpCompress.Compressors.ZStandard;

namespace Containers.Images.Saving;

/// <summary>A layer as it is written: compressed or not.</summary>
/// <param name="MediaType">OCI's word for it.</param>
/// <param name="Digest">Of what is written.</param>
/// <param name="Size">Its length.</param>
/// <param name="Open">Opens it; its length is known, and it is read forwards.</param>
internal sealed record SavedLayer(string MediaType, string Digest, long Size, Func<Stream> Open);

/// <summary>Makes the layers' tars again, and compresses them into files of the store that have no other use.</summary>
internal sealed class SavedLayers : IDisposable
{
    private const int Parallelism = 2; // making the tar again takes one core some of the time, and compressing all of the time
    private const int ZstdLevel = 3; // the format's own usual one

    private readonly WorkArea? _work;

    private SavedLayers(IReadOnlyList<SavedLayer> all, WorkArea? work)
    {
        All = all;
        _work = work;
    }

    /// <summary>Lowest first; the same layer twice where an image has it twice.</summary>
    public IReadOnlyList<SavedLayer> All { get; }

    public static SavedLayers Make(ImageRecord record, IReadOnlyList<string> diffIds, LayerStore layers, StoreLayout layout, LayerCompression compression, CancellationToken cancellation)
    {
        if (compression == LayerCompression.None)
        {
            return new([.. record.Layers.Select((layer, i) => new SavedLayer(MediaTypes.OciLayer, diffIds[i], layer.Size, () => new CancelledStream(layers.OpenTar(layer.Key), cancellation)))], null);
        }

        WorkArea work = WorkArea.Begin(layout, $"save-{Guid.NewGuid():N}", cancellation);
        try
        {
            Dictionary<string, SavedLayer> made = [];
            Lock adding = new();
            ImageLayerRecord[] distinct = [.. record.Layers.DistinctBy(layer => layer.Key)];
            Parallel.For(0, distinct.Length, new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellation }, i =>
            {
                SavedLayer layer = Compress(layers, distinct[i].Key, $"{work.Path}/{i}", compression, cancellation);
                lock (adding)
                {
                    made[distinct[i].Key] = layer;
                }
            });
            return new([.. record.Layers.Select(layer => made[layer.Key])], work);
        }
        catch (AggregateException exception) when (exception.InnerExceptions.FirstOrDefault() is { } first)
        {
            work.Dispose();
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
            throw;
        }
        catch
        {
            work.Dispose();
            throw;
        }
    }

    public void Dispose() => _work?.Dispose();

    private static SavedLayer Compress(LayerStore layers, string key, string path, LayerCompression compression, CancellationToken cancellation)
    {
        using Stream tar = new CancelledStream(layers.OpenTar(key), cancellation);
        using Layers.Recipes.FileWriter file = new(path);
        using HashedOutput output = new(file);
        using (Stream compress = Open(output, compression))
        {
            tar.CopyTo(compress, 128 << 10);
        }

        return new SavedLayer(MediaTypes.OciLayer + (compression == LayerCompression.Gzip ? "+gzip" : "+zstd"), output.Digest(), output.Written, () => File.OpenRead(path));
    }

    // Both write the same bytes for the same content: no name and no time in gzip's header, and one thread.
    private static Stream Open(Stream output, LayerCompression compression) => compression switch
    {
        LayerCompression.Gzip => new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true),
        LayerCompression.Zstd => new CompressionStream(output, ZstdLevel, leaveOpen: true),
        _ => throw new ArgumentOutOfRangeException(nameof(compression), compression, "There is no such compression."),
    };
}

/// <summary>A stream that ends with an exception when it is cancelled: a copy of it does, too.</summary>
internal sealed class CancelledStream(Stream stream, CancellationToken cancellation) : Layers.ReadOnlyStream
{
    public override long Length => stream.Length;

    public override long Position { get => stream.Position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        cancellation.ThrowIfCancellationRequested();
        return stream.Read(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        stream.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Hashes and counts what is written.</summary>
internal sealed class HashedOutput(Stream output) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long Written { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => Written; set => throw new NotSupportedException(); }

    public string Digest() => Images.Digest.Prefix + Convert.ToHexStringLower(_hash.GetHashAndReset());

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.AppendData(buffer);
        output.Write(buffer);
        Written += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => output.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _hash.Dispose();
        base.Dispose(disposing);
    }
}
