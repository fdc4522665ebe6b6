namespace Containers.Images.Registry;

/// <summary>Reads answers that have to be small.</summary>
internal static class BoundedContent
{
    /// <exception cref="InvalidDataException">There is more of it.</exception>
    public static async Task<byte[]> ReadAsync(HttpResponseMessage response, int maximum, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentLength > maximum)
        {
            throw new InvalidDataException($"The answer has {response.Content.Headers.ContentLength} bytes; {maximum} are the most that make sense.");
        }

        using MemoryStream content = new();
        Stream stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            byte[] buffer = new byte[16 << 10];
            for (int count; (count = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
            {
                if (content.Length + count > maximum)
                {
                    throw new InvalidDataException($"The answer has more than the {maximum} bytes that make sense.");
                }

                content.Write(buffer, 0, count);
            }
        }

        return content.ToArray();
    }
}
