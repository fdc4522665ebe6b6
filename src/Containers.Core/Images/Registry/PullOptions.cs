using Microsoft.Extensions.Logging;

namespace Containers;

/// <summary>How an image is pulled.</summary>
public sealed record PullOptions
{
    /// <summary>Whether the registry is asked although the store has the name. A pull that is asked for asks.</summary>
    public PullPolicy Policy { get; init; } = PullPolicy.Always;

    /// <summary>Which machine's image, such as <c>linux/arm64</c> or <c>linux/arm/v7</c>, where there are several; null for this machine's.</summary>
    public string? Platform { get; init; }

    /// <summary>How many layers come at once. More than two only compete for a disk, where the network is fast.</summary>
    public int MaximumParallelLayers { get; init; } = 2;

    /// <summary>Is told how far the pull is: ten times a second at most, and once at the end.</summary>
    public IProgress<PullProgress>? Progress { get; init; }

    /// <summary>Is told what is repeated, resumed and finished.</summary>
    public ILogger? Logger { get; init; }
}

/// <summary>How an image is pushed.</summary>
public sealed record PushOptions
{
    /// <summary>Which machine's image, where the source has several; null for this machine's.</summary>
    public string? Platform { get; init; }

    /// <summary>
    /// The images of all machines that the source has, with the index that lists them, as it is there; a layout that has no index gets one. The store itself
    /// has one machine's image by each name.
    /// </summary>
    public bool AllPlatforms { get; init; }

    /// <summary>Repositories of the same registry that may have the layers: it mounts them from there, and nothing is sent.</summary>
    public IReadOnlyList<string> MountFrom { get; init; } = [];

    /// <summary>Blobs are sent in pieces of so many bytes, and one that fails is repeated alone; null sends each in one request.</summary>
    public int? ChunkSize { get; init; }

    /// <summary>What the layers of an image of the store are compressed with; those of layouts and archives are sent as they are.</summary>
    public LayerCompression Compression { get; init; } = LayerCompression.Gzip;

    /// <summary>Is told how far the push is, as a pull is.</summary>
    public IProgress<PullProgress>? Progress { get; init; }

    /// <summary>Is told what is repeated, mounted and finished.</summary>
    public ILogger? Logger { get; init; }
}
