namespace Containers.Images.Manifests;

/// <summary>Chooses the entry of an index that is for a machine.</summary>
internal static class PlatformChoice
{
    /// <summary>The best of an index's entries.</summary>
    /// <param name="entries">The index.</param>
    /// <param name="platform">The machine.</param>
    /// <param name="where">What messages begin with.</param>
    /// <exception cref="ImageException">None is for it; the message lists what there is.</exception>
    public static Descriptor Choose(IEnumerable<Descriptor> entries, ImagePlatform platform, string where)
    {
        List<Descriptor> images = [.. entries.Where(IsImage)];
        // What says nothing may be for any machine: its config will tell. What says the right thing goes first, and of equals the first.
        Descriptor? best = images
            .Select(entry => (Entry: entry, Rank: entry.Platform is null ? -1 : platform.Rank(entry.Platform)))
            .Where(candidate => candidate.Rank is not null)
            .OrderByDescending(candidate => candidate.Rank)
            .Select(candidate => candidate.Entry)
            .FirstOrDefault();
        if (best is not null)
        {
            return best.Check(where, "an image in the index");
        }

        string[] there = [.. images.Select(entry => Text(entry.Platform!)).Distinct()];
        throw new ImageException($"{where}: there is no image for {platform}.", there.Length == 0 ? "The index has no images at all." : $"It has images for {string.Join(", ", there)}.");
    }

    /// <summary>Neither another kind of thing, nor what buildkit puts beside an image to attest how it was made.</summary>
    private static bool IsImage(Descriptor entry)
        => (entry.MediaType is null || MediaTypes.IsIndex(entry.MediaType) || MediaTypes.IsManifest(entry.MediaType))
           && entry.Platform is not { Os: "unknown", Architecture: "unknown" }
           && entry.Annotations?.ContainsKey("vnd.docker.reference.type") != true;

    private static string Text(PlatformDocument platform) => $"{platform.Os}/{platform.Architecture}{(string.IsNullOrEmpty(platform.Variant) ? "" : "/" + platform.Variant)}";
}
