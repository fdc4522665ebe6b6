using ContainerCli.Output;
using Containers;

namespace ContainerCli.Commands;

/// <summary>How commands come to an image.</summary>
internal static class Images
{
    /// <summary>The image of the store, or pulled, or read from where the reference leads; with progress.</summary>
    public static Task<Image> GetAsync(ImageStore store, string reference, PullPolicy policy, string? platform, bool quiet, CancellationToken cancellation)
        => policy != PullPolicy.Always && store.Get(reference) is { } known
            ? Task.FromResult(known)
            : TransferDisplay.ShowAsync(progress => store.PullAsync(reference, new PullOptions { Policy = policy, Platform = platform, Progress = progress }, cancellation), quiet);

    /// <summary>One that is in the store.</summary>
    public static ImageDetails Require(ImageStore store, string name)
        => store.Inspect(name) ?? throw new ImageException($"There is no image \"{name}\" in {store.Path}.", $"`containers images` lists what there is, and `containers pull {name}` fetches it.");
}
