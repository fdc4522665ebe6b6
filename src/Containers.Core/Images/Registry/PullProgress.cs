namespace Containers;

/// <summary>How far an image is on its way. All of it at one moment: the latest replaces those before.</summary>
public sealed record PullProgress
{
    internal PullProgress(string image, IReadOnlyList<LayerProgress> layers, bool isComplete)
    {
        Image = image;
        Layers = layers;
        IsComplete = isComplete;
    }

    /// <summary>The image's name.</summary>
    public string Image { get; }

    /// <summary>Each layer, lowest first.</summary>
    public IReadOnlyList<LayerProgress> Layers { get; }

    /// <summary>Whether all is done.</summary>
    public bool IsComplete { get; }

    /// <summary>Bytes of all layers, compressed, that are done or were there.</summary>
    public long BytesDone => Layers.Sum(layer => layer.BytesDone);

    /// <summary>Bytes of all layers, compressed.</summary>
    public long BytesTotal => Layers.Sum(layer => layer.BytesTotal);
}

/// <summary>How far a layer is. Bytes are unpacked as they come, so there is one figure for both.</summary>
/// <param name="Digest">The digest of the layer's blob.</param>
/// <param name="State">What happens to it.</param>
/// <param name="BytesDone">Bytes that came, compressed.</param>
/// <param name="BytesTotal">All of its bytes.</param>
public readonly record struct LayerProgress(string Digest, LayerState State, long BytesDone, long BytesTotal);

/// <summary>What happens to a layer.</summary>
public enum LayerState
{
    /// <summary>Nothing yet.</summary>
    Waiting,

    /// <summary>Its bytes come and are unpacked, or are sent.</summary>
    Transferring,

    /// <summary>It is there, verified.</summary>
    Complete,

    /// <summary>It was there before.</summary>
    AlreadyThere,
}
